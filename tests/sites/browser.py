"""Chromium, driven as a person would, and asked what those who cannot see would miss.

Debian's packages chromium and chromium-driver are used; nothing is downloaded.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PROBLEMS_OF_A_PAGE = (Path(__file__).parent / "page_problems.js").read_text(encoding="utf-8")
"""A stand-in for a full checker of accessibility: a script that returns what is wrong."""


class BrowserAbsentError(Exception):
    """Chromium or its driver is not installed here."""


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """Run a headless Chromium that takes self-signed certificates; its profile is in `folder`.

    Raises BrowserAbsentError where it is not installed.
    """
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        raise BrowserAbsentError("chromium and chromium-driver are not installed")
    options = ChromeOptions()
    options.binary_location = browser
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    started = Chrome(options=options, service=Service(driver))
    try:
        yield started
    finally:
        started.quit()


@contextlib.contextmanager
def new_window(browser: Chrome) -> Iterator[None]:
    """Open a window for one test, without cookies, cache or messages of earlier ones.

    What is emulated, such as a time zone, belongs to a window; storage belongs to a site's port.
    """
    first = browser.current_window_handle
    browser.switch_to.new_window("window")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.get_log("browser")
    try:
        yield
    finally:
        browser.close()
        browser.switch_to.window(first)
