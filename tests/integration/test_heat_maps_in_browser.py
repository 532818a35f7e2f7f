"""A heat-map over the radiograph, in a real browser; the classify worker is played."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from screening.classify.heat_map_queue import (
    any_heat_maps_due,
    claim_heat_maps,
    record_heat_maps,
)
from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.domain.backoff import Backoff
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.imaging.phantoms.phantom import write_phantoms
from screening.spool.store import Spool, data_set_sha256
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.sites.browser import PROBLEMS_OF_A_PAGE
from tests.sites.page_site import start_page
from tests.sites.site import running_site, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[int, Database]]:
    """Run a page with one study, whose image is in the spool; return its port and database."""
    with (
        running_site(tmp_path, bundle_dir=tmp_path / "bundles") as site,
        contextlib.closing(site.database) as database,
    ):
        port = start_page(site)
        spool = Spool(site.settings.spool_dir)
        spool.prepare()
        phantom = write_phantoms(tmp_path / "phantoms", 1)[0]
        sha256 = data_set_sha256(phantom)
        shutil.copy(phantom, spool.path_of(sha256))
        with database.write() as session:
            bundle = session.query(Bundle).first() or add_bundle(session)
            image = add_instance(session, "1.2.3", sha256=sha256)
            add_score(session, image, bundle, priority="STAT", covid19=0.9)
        yield port, database


def overlay_strength(browser: Chrome) -> list[int]:
    """Return how opaque the overlay is at its upper left, in the middle, and its lower right."""
    return browser.execute_script(
        "const c = document.querySelector('canvas.heat'), x = c.getContext('2d');"
        "return [0.3, 0.5, 0.7].map((f) => "
        "  x.getImageData(f * c.width, f * c.height, 1, 1).data[3]);"
    )  # type: ignore[no-any-return]  # what the script returns


def make_maps(database: Database, found: list[HeatMap] | NoHeatMap) -> None:
    """Do what the classify worker does, once the page has asked."""
    wait_until(lambda: any_heat_maps_due(database), "the page's request")
    held = claim_heat_maps(database, bundle_id=1, worker="w", lease_s=60)
    assert held is not None
    record_heat_maps(database, held, found, Backoff(first_s=0, longest_s=0))


def test_a_heat_map_is_laid_over_the_radiograph(
    browser: Chrome, page: tuple[int, Database]
) -> None:
    """By keyboard: asked for, refused in words, asked again, shown by itself where it belongs."""
    port, database = page
    browser.get(f"http://127.0.0.1:{port}/studies/1.2.3")
    picture = browser.find_element(By.CSS_SELECTOR, "figure.radiograph img")
    wait_until(lambda: picture.get_property("naturalWidth") > 100, "the picture")
    button = browser.find_element(By.CSS_SELECTOR, "[aria-label='Heat-map of image 1']")
    note = browser.find_element(By.CSS_SELECTOR, ".heat-map .note")
    button.send_keys(Keys.ENTER)
    make_maps(database, NoHeatMap.NO_FEATURE_MAP)
    wait_until(lambda: "No heat-map: A network of this bundle has no" in note.text, "the reason")
    assert button.get_attribute("aria-pressed") == "false"
    button.send_keys(Keys.ENTER)
    box, cells = (0.1, 0.1, 0.9, 0.9), (2, 2)
    hot, cold = b"\xff\x00\x00\x00", b"\x00\x00\x00\xff"
    make_maps(
        database,
        [
            HeatMap("first", "covid19", 2, 2, hot, box, cells),
            HeatMap("second", "covid19", 2, 2, bytes(4), box, cells),
            HeatMap("second", "normal", 2, 2, cold, box, cells),
        ],
    )
    wait_until(lambda: "Heat-map of first for COVID-19" in note.text, "the heat-map")
    assert "no finding and no outline of disease" in note.text
    assert "upper left of the picture" in note.text
    overlay = browser.find_element(By.CSS_SELECTOR, "canvas.heat")
    upper, middle, lower = overlay_strength(browser)
    assert upper > 200 > middle > lower
    assert overlay.rect == picture.rect
    second = browser.find_elements(By.CSS_SELECTOR, ".members button")[1]
    second.send_keys(Keys.SPACE)
    assert second.get_attribute("aria-pressed") == "true"
    assert "nothing in the image speaks for this class" in note.text
    browser.find_element(By.CSS_SELECTOR, ".choices select").send_keys("Normal")
    assert "lower right of the picture" in (overlay.get_attribute("aria-label") or "")
    slider = browser.find_element(By.CSS_SELECTOR, ".choices input")
    slider.send_keys(Keys.ARROW_LEFT * 2)
    assert "opacity: 0.5" in (overlay.get_attribute("style") or "")
    browser.find_element(By.CSS_SELECTOR, "[aria-label='Zoom in of image 1']").send_keys(Keys.ENTER)
    assert "scale(1.5)" in (overlay.get_attribute("style") or "")
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    button.send_keys(Keys.ENTER)
    assert not browser.find_elements(By.CSS_SELECTOR, "canvas.heat")
    severe = [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"]
    assert [one for one in severe if "/pictures/" not in one] == []
