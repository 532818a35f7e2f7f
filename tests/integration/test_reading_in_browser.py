"""What a reader does with list and study, in one real browser on one running page."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from screening.db.session import Database
from screening.db.tables import Bundle
from screening.imaging.phantom import write_phantoms
from screening.spool.store import Spool, data_set_sha256
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.services.programs import skip_or_fail
from tests.sites.browser import PROBLEMS_OF_A_PAGE, BrowserAbsentError, chromium
from tests.sites.page_site import start_page
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration
STUDY_WITH_PICTURES = "1.2.1"


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
            yield stack.enter_context(chromium(tmp_path_factory.mktemp("browser")))
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
            instance = add_instance(session, STUDY_WITH_PICTURES, sha256=digest)
            add_score(session, instance, bundle, priority="STAT", covid19=0.9)


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
    width.send_keys(Keys.ARROW_RIGHT * 4)
    assert float(width.get_property("value")) == pytest.approx(window + 2, abs=0.6)
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
