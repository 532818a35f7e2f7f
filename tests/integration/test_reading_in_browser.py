"""What a reader does with list and study, in one real browser on one running page."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.imaging.phantoms.phantom import write_phantoms
from screening.spool.store import Spool, data_set_sha256
from tests.rows.stored import NOON, add_bundle, add_event, add_instance, add_score
from tests.services.programs import skip_or_fail
from tests.sites.browser import PROBLEMS_OF_A_PAGE, BrowserAbsentError, chromium
from tests.sites.page_site import start_page
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration
STUDY_WITH_PICTURES = "1.2.1"
OTHERS = 60
PHONE = (360, 740)
STUDIES = "return [...document.querySelectorAll('tr[data-study]')].map((row) => row.dataset.study)"
PAGES = (
    "/",
    "/list?show=all",
    f"/studies/{STUDY_WITH_PICTURES}",
    "/model",
    "/read",
    "/list?show=x",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a page that is open to this machine."""
    folder = tmp_path_factory.mktemp("site")
    with running_site(folder, bundle_dir=folder / "bundles") as found:
        start_page(found)
        with contextlib.closing(found.database) as database:
            _fill(database, found, write_phantoms(folder / "phantoms", 1)[0])
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Run one headless Chromium."""
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(chromium(tmp_path_factory.mktemp("browser")))
            started.set_window_size(1400, 900)
            yield started
        except BrowserAbsentError as absent:
            skip_or_fail(str(absent))


@pytest.fixture
def database(site: Site) -> Iterator[Database]:
    """Return the page's database."""
    with contextlib.closing(site.database) as found:
        yield found


def _fill(database: Database, site: Site, phantom: Path) -> None:
    """Add a study whose first image is in the spool, and whose second has left it."""
    spool = Spool(site.settings.spool_dir)
    spool.prepare()
    sha256 = data_set_sha256(phantom)
    shutil.copy(phantom, spool.path_of(sha256))
    with database.write() as session:
        bundle = session.query(Bundle).first() or add_bundle(session)
        for digest in (sha256, "ab" * 32):
            instance = add_instance(
                session, STUDY_WITH_PICTURES, sha256=digest, patient_name="Abel^Ada"
            )
            add_score(session, instance, bundle, priority="STAT", covid19=0.9)
        for number in range(2, 2 + OTHERS):
            name = f"Name{number:03}^Ida"
            instance = add_instance(session, f"1.2.{number}", patient_name=name)
            add_score(session, instance, bundle, priority="HIGH", covid19=0.5 - number / 1000)


def address(site: Site, path: str = "/") -> str:
    """Return the address of a page."""
    return f"http://127.0.0.1:{site.variables['SCREENING_WEB_PORT']}{path}"


def painted(browser: Chrome) -> list[float]:
    """Return mean, lowest and highest grey of the canvas."""
    return browser.execute_script(
        "const c = document.querySelector('canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let sum = 0, low = 255, high = 0;"
        "for (let n = 0; n < d.length; n += 4) {"
        "  sum += d[n]; low = Math.min(low, d[n]); high = Math.max(high, d[n]); }"
        "return [4 * sum / d.length, low, high]"
    )  # type: ignore[no-any-return]  # what the script returns


def test_the_radiograph_is_windowed_and_zoomed(browser: Chrome, site: Site) -> None:
    """By mouse and by keyboard; the picture that cannot be made says why; nothing is complained."""
    browser.get(address(site, f"/studies/{STUDY_WITH_PICTURES}"))
    picture = browser.find_element(By.CSS_SELECTOR, "figure.radiograph img")
    wait_until(lambda: picture.get_property("naturalWidth") > 100, "the picture")
    other = browser.find_elements(By.CSS_SELECTOR, "figure.radiograph img")[1]
    browser.execute_script("arguments[0].scrollIntoView()", other)
    wait_until(lambda: other.get_property("naturalWidth") == 480, "the drawing that says why")
    view = browser.find_element(By.CSS_SELECTOR, "figure.radiograph .view")
    browser.execute_script("arguments[0].scrollIntoView()", view)
    ActionChains(browser).click_and_hold(view).move_by_offset(0, 1).pause(1).perform()
    wait_until(lambda: bool(browser.find_elements(By.TAG_NAME, "canvas")), "the canvas")
    before = painted(browser)
    assert before[1:] == [0, 255]
    ActionChains(browser).move_by_offset(0, -80).release().perform()
    wait_until(lambda: painted(browser)[0] < before[0] - 10, "a darker picture")
    width = browser.find_elements(By.CSS_SELECTOR, ".controls input")[1]
    window = float(width.get_property("value"))
    width.send_keys(Keys.ARROW_LEFT * 4)
    assert float(width.get_property("value")) == pytest.approx(window - 2, abs=0.6)
    invert, zoom_in, _, reset = browser.find_elements(By.CSS_SELECTOR, "figure button")[:4]
    invert.send_keys(Keys.ENTER)
    assert invert.get_attribute("aria-pressed") == "true"
    zoom_in.send_keys(Keys.ENTER)
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    assert "scale(1.5)" in (canvas.get_attribute("style") or "")
    reset.send_keys(Keys.ENTER)
    wait_until(lambda: abs(painted(browser)[0] - before[0]) < 3, "the first window")
    assert "scale(1)" in (canvas.get_attribute("style") or "")
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []


def shown(browser: Chrome) -> list[str]:
    """Return the studies on the page, in its order."""
    return browser.execute_script(STUDIES)  # type: ignore[no-any-return]  # what the script returns


def press(browser: Chrome, *keys: str) -> None:
    """Press keys, wherever the focus is."""
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser: Chrome) -> str:
    """Return the study whose link has the focus."""
    return browser.execute_script("return document.activeElement.closest('tr')?.dataset.study")  # type: ignore[no-any-return]  # what the script returns


def test_a_reader_needs_no_mouse(browser: Chrome, site: Site) -> None:
    """From the list to a page, a study, back, a search, and the help, by keys alone."""
    browser.get(address(site))
    press(browser, "j")
    assert focused(browser) == STUDY_WITH_PICTURES
    press(browser, "j", "j", "k")
    assert focused(browser) == shown(browser)[1]
    press(browser, "k", "k", "k")
    assert focused(browser) == STUDY_WITH_PICTURES
    press(browser, Keys.ENTER)
    wait_until(lambda: browser.current_url.endswith(STUDY_WITH_PICTURES), "the study")
    press(browser, "u")
    wait_until(lambda: browser.current_url == address(site), "the list")
    press(browser, "n")
    wait_until(lambda: "after=" in browser.current_url, "the next page")
    press(browser, "?")
    dialog = browser.find_element(By.CSS_SELECTOR, "dialog.keys")
    assert "next study" in dialog.text
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    press(browser, Keys.ESCAPE)
    assert not dialog.is_displayed()
    press(browser, "/", "name00", Keys.ENTER)
    wait_until(lambda: "search=" in browser.current_url, "the search")
    assert shown(browser) == [f"1.2.{number}" for number in range(2, 10)]
    assert "name00" not in browser.current_url


def test_sorting_filtering_and_paging(browser: Chrome, site: Site) -> None:
    """Each link and field does what it says, and what was chosen stays chosen."""
    browser.get(address(site))
    browser.find_element(By.LINK_TEXT, "Patient").click()
    assert shown(browser)[:2] == ["1.2.1", "1.2.2"]
    browser.find_element(By.PARTIAL_LINK_TEXT, "Patient").click()
    assert shown(browser)[0] == f"1.2.{OTHERS + 1}"
    browser.find_element(By.LINK_TEXT, "Next").click()
    assert shown(browser)[-1] == "1.2.1"
    assert "11 of 61 studies" in browser.find_element(By.CLASS_NAME, "pages").text
    browser.find_element(By.CSS_SELECTOR, "select[name=priority] option:nth-child(2)").click()
    browser.find_element(By.CSS_SELECTOR, ".filters button").click()
    wait_until(lambda: "priority=STAT" in browser.current_url, "the filter")
    assert shown(browser) == [STUDY_WITH_PICTURES]
    assert "sort=patient" in browser.current_url
    browser.find_element(By.LINK_TEXT, "Today").click()
    assert shown(browser) == []


def test_a_selection_is_live_and_keeps_what_is_selected(
    browser: Chrome, site: Site, database: Database
) -> None:
    """A study arrives in its place; the row that has the focus keeps it, and its element."""
    browser.get(address(site, "/list?sort=patient&order=up"))
    press(browser, "j", "j")
    browser.execute_script("window.row = document.activeElement")
    with database.write() as session:
        instance = add_instance(session, "1.2.500", patient_name="Aaron^Bo")
        bundle = session.query(Bundle).first()
        assert bundle is not None
        add_score(session, instance, bundle, priority="LOW", covid19=0.01)
        add_event(session, instance, "instance_received", at=NOON, calling_ae_title="CR")
    wait_until(lambda: shown(browser)[0] == "1.2.500", "the arrival")
    assert shown(browser)[1] == STUDY_WITH_PICTURES
    assert browser.execute_script("return window.row === document.activeElement")
    assert focused(browser) == "1.2.2"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_pages_are_readable_in_the_dark_and_in_light(
    browser: Chrome, site: Site, theme: str
) -> None:
    """As chosen, which the browser keeps; also on a phone, whose width nothing exceeds."""
    browser.get(address(site))
    button = browser.find_element(By.CSS_SELECTOR, ".display button")
    while not button.text.endswith(theme):
        button.click()
    for path in PAGES:
        browser.get(address(site, path))
        scheme = browser.execute_script("return getComputedStyle(document.body).colorScheme")
        assert scheme == theme
        assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    size = {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for path in PAGES:
            browser.get(address(site, path))
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= PHONE[0], path
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_rows_are_closer_where_a_reader_wants_it(browser: Chrome, site: Site) -> None:
    """After a reload too; on paper nothing stands that only a screen can use."""
    browser.get(address(site))

    def height() -> float:
        row = browser.find_element(By.CSS_SELECTOR, "tr[data-study]")
        return float(row.rect["height"])

    roomy = height()
    density = browser.find_elements(By.CSS_SELECTOR, ".display button")[1]
    density.click()
    browser.refresh()
    assert height() < 0.7 * roomy
    browser.find_elements(By.CSS_SELECTOR, ".display button")[1].click()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for css in (".tools", ".display", ".pages"):
            assert not browser.find_element(By.CSS_SELECTOR, css).is_displayed()
        assert browser.find_element(By.CSS_SELECTOR, "tr[data-study]").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_page_weighs_little(browser: Chrome, site: Site) -> None:
    """List and study with its picture: below 200 KB each, and nothing from elsewhere."""
    for path in ("/", f"/studies/{STUDY_WITH_PICTURES}"):
        browser.get(address(site, path))
        if path != "/":
            picture = browser.find_element(By.CSS_SELECTOR, "figure.radiograph img")
            wait_until(lambda: picture.get_property("naturalWidth") > 100, "the picture")  # noqa: B023  called at once
        weights = browser.execute_script(
            "return [...performance.getEntriesByType('navigation'),"
            " ...performance.getEntriesByType('resource')].map((e) => [e.name, e.decodedBodySize])"
        )
        assert sum(size for _, size in weights) < 200_000, weights
        assert all(name.startswith(address(site)) for name, _ in weights)
