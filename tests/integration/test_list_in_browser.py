"""The list in a real browser: the reader's time zone, live changes, paging, and a phone."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from screening.db.session import Database
from screening.db.tables.breakers import Breaker
from screening.db.tables.instances import Bundle, Classification, Instance
from tests.rows.stored import NOON, add_bundle, add_event, add_instance, add_report, add_score
from tests.sites.browser import PROBLEMS_OF_A_PAGE
from tests.sites.page_site import start_page
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration
TOKYO = "Asia/Tokyo"
NOON_IN_TOKYO = "2026-03-01 21:00:00"
LONG_NAME = "Vandenbroucke-Grauls^Christina Maria Johanna"
PHONE = (360, 740)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a page that is open to this machine, with an empty list."""
    with running_site(tmp_path, bundle_dir=tmp_path / "bundles") as found:
        start_page(found)
        yield found


@pytest.fixture
def database(site: Site) -> Iterator[Database]:
    """Return the page's database."""
    with contextlib.closing(site.database) as found:
        yield found


def address(site: Site, path: str = "/") -> str:
    """Return the address of a page."""
    return f"http://127.0.0.1:{site.variables['SCREENING_WEB_PORT']}{path}"


def set_zone(browser: Chrome, zone: str) -> None:
    """Let the browser's clock be in this zone."""
    browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": zone})


def set_size(browser: Chrome, width: int, height: int) -> None:
    """Let the browser's window be of this size, in CSS pixels."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True},
    )


def add_studies(database: Database, numbers: range, priority: str = "STAT") -> None:
    """Add scored studies; those of lower numbers stand before those of higher ones."""
    with database.write() as session:
        bundle = session.query(Bundle).first() or add_bundle(session)
        for number in numbers:
            instance = add_instance(session, f"1.2.{number}", patient_name=LONG_NAME)
            score = 0.95 - number / 10_000
            add_score(session, instance, bundle, priority=priority, covid19=score)
            add_event(session, instance, "classified", at=NOON)  # by which open pages hear of it


def rescore(database: Database, study: str, *, priority: str, score: float) -> None:
    """Give a study's only result another priority and score."""
    with database.write() as session:
        result = (
            session.query(Classification)
            .join(Instance)
            .filter(Instance.study_instance_uid == study)
            .one()
        )
        result.priority, result.covid19, result.priority_score = priority, score, score
        add_event(session, result.instance, "classified", at=NOON)


def studies(browser: Chrome) -> list[str]:
    """Return the studies on the page, in its order."""
    return browser.execute_script(
        "return [...document.querySelectorAll('tr[data-study]')].map((row) => row.dataset.study)"
    )  # type: ignore[no-any-return]  # what the script returns


def update(browser: Chrome) -> None:
    """Wait until the page has asked again."""
    text = browser.find_element(By.ID, "freshness").text
    wait_until(lambda: browser.find_element(By.ID, "freshness").text != text, "an update")


def complaints(browser: Chrome) -> list[str]:
    """Return what the browser complained about, but for the pictures: these rows have no files."""
    severe = [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"]
    return [message for message in severe if "/pictures/" not in message]


def test_every_page_shows_the_readers_zone(browser: Chrome, site: Site, database: Database) -> None:
    """Tokyo's time on each page, named, and nothing in UTC beside it; after an update as well."""
    with database.write() as session:
        instance = add_instance(session, "1.2.3")
        result = add_score(session, instance, add_bundle(session), priority="STAT", covid19=0.9)
        add_report(session, result, pacs="delivered")
        add_event(session, instance, "instance_received", at=NOON, calling_ae_title="CR")
        session.add(
            Breaker(
                destination="pacs", failures=3, failing_since=NOON, probe_at=NOON, last_message=""
            )
        )
    set_zone(browser, TOKYO)
    for path in ("/", "/studies/1.2.3"):
        browser.get(address(site, path))
        seen = browser.find_element(By.TAG_NAME, "body").text
        assert TOKYO in seen
        assert "UTC" not in seen
        titles = [e.get_attribute("title") for e in browser.find_elements(By.TAG_NAME, "time")]
        assert titles
        assert all(title.endswith(" UTC+09:00") for title in titles)
    assert NOON_IN_TOKYO in seen
    assert "2026-03-01 12:00" not in seen
    browser.get(address(site))
    first = browser.find_element(By.ID, "freshness").text
    wait_until(lambda: browser.find_element(By.ID, "freshness").text != first, "an update")
    assert "UTC" not in browser.find_element(By.TAG_NAME, "body").text
    assert re.fullmatch(
        rf"As of \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {TOKYO}",
        browser.find_element(By.ID, "freshness").text,
    )
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    assert complaints(browser) == []


def test_every_study_of_a_long_list_can_be_reached(
    browser: Chrome, site: Site, database: Database
) -> None:
    """436 STAT studies and a HIGH one, by following Next; and the HIGH one by one link."""
    add_studies(database, range(1, 437))
    add_studies(database, range(437, 438), priority="HIGH")
    browser.get(address(site))
    found = studies(browser)
    while next_page := browser.find_elements(By.LINK_TEXT, "Next"):
        browser.get(next_page[0].get_attribute("href") or "")
        found += studies(browser)
    assert found == [f"1.2.{number}" for number in range(1, 438)]
    browser.find_element(By.LINK_TEXT, "First page").click()
    assert studies(browser)[0] == "1.2.1"
    link = browser.find_element(By.CSS_SELECTOR, ".priorities a[title^=High]")
    assert link.text == "HIGH 1"
    link.click()
    assert studies(browser) == ["1.2.437"]
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    assert complaints(browser) == []


def test_a_list_that_changes_leaves_the_reader_in_place(
    browser: Chrome, site: Site, database: Database
) -> None:
    """On the second page: the same studies, selection, focus and scroll while others arrive."""
    add_studies(database, range(100, 340))
    browser.get(address(site))
    browser.find_element(By.LINK_TEXT, "Next").click()
    before = studies(browser)
    row = browser.find_element(By.CSS_SELECTOR, f"tr[data-study='{before[30]}']")
    link = row.find_element(By.TAG_NAME, "a")
    browser.execute_script(
        "arguments[0].scrollIntoView(); arguments[0].focus({preventScroll: true});"
        "getSelection().selectAllChildren(arguments[1]);",
        link,
        row.find_element(By.CLASS_NAME, "study"),
    )
    place = browser.execute_script("return arguments[0].getBoundingClientRect().top", row)
    selected = browser.execute_script("return String(getSelection())")
    add_studies(database, range(1, 4))
    update(browser)
    wait_until(lambda: "243" in browser.find_element(By.CLASS_NAME, "ledger").text, "the arrival")
    assert studies(browser) == before
    moved = browser.execute_script("return arguments[0].getBoundingClientRect().top", row) - place
    assert abs(moved) < 1
    assert browser.switch_to.active_element == link
    assert selected
    assert browser.execute_script("return String(getSelection())") == selected


def test_rows_move_and_arrive_without_a_reload(
    browser: Chrome, site: Site, database: Database
) -> None:
    """An open first page shows a new study in its place, and others keep their elements."""
    add_studies(database, range(10, 13))
    browser.get(address(site))
    browser.execute_script("window.unchanged = document.querySelector('tr[data-study=\"1.2.11\"]')")
    add_studies(database, range(1, 2))
    wait_until(lambda: "1.2.1" in studies(browser), "the arrival")
    assert studies(browser) == ["1.2.1", "1.2.10", "1.2.11", "1.2.12"]
    assert browser.execute_script("return window.unchanged.isConnected")
    announced = browser.find_element(By.ID, "announcement").get_attribute("textContent")
    assert announced == "1 new study, 1 of them STAT"
    rescore(database, "1.2.12", priority="STAT", score=0.99)
    wait_until(lambda: studies(browser)[0] == "1.2.12", "the study that moved up")
    assert studies(browser) == ["1.2.12", "1.2.1", "1.2.10", "1.2.11"]
    study = browser.find_element(By.CSS_SELECTOR, "tr[data-study='1.2.1'] .study")
    browser.execute_script("getSelection().selectAllChildren(arguments[0])", study)
    selected = browser.execute_script("return String(getSelection())")
    rescore(database, "1.2.12", priority="LOW", score=0.02)
    wait_until(lambda: studies(browser)[-1] == "1.2.12", "the study that moved down")
    assert studies(browser) == ["1.2.1", "1.2.10", "1.2.11", "1.2.12"]
    assert selected
    assert browser.execute_script("return String(getSelection())") == selected
    assert complaints(browser) == []


def test_a_phone_shows_name_priority_and_scores(
    browser: Chrome, site: Site, database: Database
) -> None:
    """At 360 pixels nothing of a row lies outside the window, on list, study and model page."""
    add_studies(database, range(1, 4))
    set_size(browser, *PHONE)
    browser.get(address(site))
    row = browser.find_element(By.CSS_SELECTOR, "tr[data-study='1.2.1']")
    for css in (".patient a", ".priority", ".score-covid19 .probability", ".score-normal", "time"):
        element = row.find_element(By.CSS_SELECTOR, css)
        box = element.rect
        assert element.is_displayed()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
        assert box["width"] > 20
    assert row.find_element(By.CSS_SELECTOR, ".patient a").rect["y"] < PHONE[1]
    for path in ("/", "/studies/1.2.1", "/model"):
        browser.get(address(site, path))
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= PHONE[0]
        assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    assert complaints(browser) == []
