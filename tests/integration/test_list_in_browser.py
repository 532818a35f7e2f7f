"""The list in a real browser: the reader's time zone, live changes, paging, and a phone."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from screening.db.breaker_tables import Breaker
from screening.db.session import Database
from tests.browser import PROBLEMS_OF_A_PAGE
from tests.page_site import start_page
from tests.site import Site, running_site, wait_until
from tests.stored_rows import NOON, add_bundle, add_event, add_instance, add_report, add_score

pytestmark = pytest.mark.integration
TOKYO = "Asia/Tokyo"
NOON_IN_TOKYO = "2026-03-01 21:00:00"


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


def complaints(browser: Chrome) -> list[str]:
    """Return what the browser complained about."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


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
