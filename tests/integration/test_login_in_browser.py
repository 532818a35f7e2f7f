"""The login page, the list and the operators' page in a real browser, by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.services.certificates import self_signed
from tests.sites.browser import PROBLEMS_OF_A_PAGE
from tests.sites.page_site import PATIENT, site_with_a_study, start_page
from tests.sites.site import Site, wait_until
from tests.sites.web_app import PASSWORDS

pytestmark = pytest.mark.integration


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a page that asks for passwords by TLS."""
    made = self_signed(tmp_path)
    with site_with_a_study(
        tmp_path,
        SCREENING_WEB_AUTHENTICATION="password",
        SCREENING_WEB_TLS_CERTIFICATE=str(made.certificate),
        SCREENING_WEB_TLS_KEY=str(made.private_key),
    ) as found:
        start_page(found)
        yield found


def address(site: Site, path: str = "/") -> str:
    """Return the address of a page."""
    return f"https://localhost:{site.variables['SCREENING_WEB_PORT']}{path}"


def press(browser: Chrome, *keys: str) -> None:
    """Press keys wherever the focus is."""
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser: Chrome) -> WebElement:
    """Return what has the focus."""
    return browser.switch_to.active_element


def path_of(browser: Chrome) -> str:
    """Return the path of the page shown."""
    return browser.current_url.split("/", 3)[3]


def log_in(browser: Chrome, site: Site, name: str) -> None:
    """Log in by keyboard."""
    browser.get(address(site, "/login"))
    browser.find_element(By.ID, "name").send_keys(name, Keys.TAB, PASSWORDS[name], Keys.ENTER)
    wait_until(lambda: path_of(browser) == "", "the list")


def complaints(browser: Chrome) -> list[str]:
    """Return what the browser complained about, such as breaches of the page's own policy."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_reader_logs_in_and_out_by_keyboard(browser: Chrome, site: Site) -> None:
    """From the list's address to the login page, a wrong password, the right one, and out again."""
    browser.get(address(site))
    assert path_of(browser) == "login"
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    reached = []
    for _ in range(5):
        press(browser, Keys.TAB)
        element = focused(browser)
        outline = element.value_of_css_property("outline-style")
        reached.append((element.get_attribute("id") or element.text, outline))
    expected = ["Skip to the content", "Chest radiograph worklist", "name", "password", "Log in"]
    assert reached == [(name, "solid") for name in expected]

    browser.find_element(By.ID, "name").send_keys("rita", Keys.TAB, "wrong password", Keys.ENTER)
    wait_until(lambda: bool(browser.find_elements(By.CSS_SELECTOR, "[role=alert]")), "the alert")
    alert = browser.find_element(By.CSS_SELECTOR, "[role=alert]")
    assert alert.is_displayed()
    assert alert.text == "User name or password is wrong."
    assert browser.find_element(By.ID, "name").get_attribute("aria-describedby") == "problem"
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    assert [entry for entry in complaints(browser) if "403" not in entry] == []

    log_in(browser, site, "rita")
    assert PATIENT in browser.page_source
    assert "rita (reader)" in browser.page_source
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    assert browser.execute_script("return document.cookie") == ""
    button = browser.find_element(By.XPATH, "//button[text()='Log out']")
    browser.execute_script("arguments[0].focus()", button)
    press(browser, Keys.ENTER)
    wait_until(lambda: path_of(browser) == "login", "the login page")
    browser.back()
    wait_until(lambda: path_of(browser) == "login", "the login page instead of the list")
    assert PATIENT not in browser.page_source
    asked_too_late = f"{address(site, '/board')} - Failed to load resource"
    assert [each for each in complaints(browser) if not each.startswith(asked_too_late)] == []


def test_an_operator_sends_refused_reports_again(browser: Chrome, site: Site) -> None:
    """The page works under its own policy: forms go to this site, no script is inline."""
    log_in(browser, site, "otto")
    browser.find_element(By.LINK_TEXT, "Operations").click()
    wait_until(lambda: path_of(browser) == "operations", "the operators' page")
    assert browser.execute_script(PROBLEMS_OF_A_PAGE) == []
    button = browser.find_element(By.XPATH, "//button[contains(text(), 'to pacs again')]")
    browser.execute_script("arguments[0].focus()", button)
    press(browser, Keys.ENTER)
    wait_until(lambda: not browser.find_elements(By.XPATH, "//button[contains(., 'pacs')]"), "it")
    row = browser.find_element(By.XPATH, "//tr[th='pacs']").text
    assert row.split()[:4] == ["pacs", "0", "1", "0"]
    assert complaints(browser) == []


def test_names_leave_the_screen_when_a_login_ends(browser: Chrome, site: Site) -> None:
    """The list that refreshes itself goes to the login page once its user is removed."""
    log_in(browser, site, "rita")
    site.run("users", "remove", "rita")
    wait_until(lambda: path_of(browser) == "login", "the login page")
    assert PATIENT not in browser.page_source


def test_an_inline_script_does_not_run(browser: Chrome, site: Site) -> None:
    """The policy holds in this browser: the test of it can fail."""
    log_in(browser, site, "rita")
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        "document.body.append(s); document.body.insertAdjacentHTML('beforeend',"
        '\'<img src=x onerror="window.ran = true"><form action="https://127.0.0.2/"></form>\');'
    )
    assert browser.execute_script("return window.ran === undefined")
    assert any("Content Security Policy" in one for one in complaints(browser))
