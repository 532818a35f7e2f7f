"""The page refuses to start where others could read patients' names."""

import socket
from pathlib import Path
from typing import Any

import pytest

from screening.errors import SettingsError
from screening.settings import Settings, load_settings
from screening.worklist.access.exposure import check_exposure

TLS = {"web_tls_certificate": Path("c.pem"), "web_tls_key": Path("k.pem")}
PROXY = {"web_behind_proxy": True, "web_trusted_proxies": "10.0.0.1"}
PASSWORD = {"web_authentication": "password"}
BY_PROXY = {"web_authentication": "proxy"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_a_loopback_address_is_open(host: str) -> None:
    """Nobody logs in, and no TLS is needed."""
    exposure = check_exposure(Settings(web_host=host))
    assert (exposure.open, exposure.secure, exposure.proxied) == (True, False, False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "192.0.2.1", "fe80::1"])  # noqa: S104
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "must know who reads"),
        (TLS, "must know who reads"),
        (PASSWORD, "need TLS"),
    ],
    ids=["nothing", "no authentication", "no TLS"],
)
def test_any_other_address_demands_authentication_and_tls(
    host: str, given: dict[str, Any], complaint: str
) -> None:
    """The message names the settings that are missing."""
    with pytest.raises(SettingsError, match=complaint) as refused:
        check_exposure(Settings(web_host=host, **given))
    assert "web_" in str(refused.value).replace("web_host", "", 1)


@pytest.mark.parametrize(
    ("given", "secure", "proxied"),
    [
        ({**PASSWORD, **TLS}, True, False),
        ({**PASSWORD, **PROXY}, True, True),
        ({**BY_PROXY, **PROXY}, True, True),
        ({**BY_PROXY, **PROXY, **TLS}, True, True),
    ],
)
def test_authentication_and_tls_or_a_proxy_let_others_reach_it(
    given: dict[str, Any],
    secure: bool,  # noqa: FBT001
    proxied: bool,  # noqa: FBT001
) -> None:
    """The four ways that are sound."""
    exposure = check_exposure(Settings(web_host="0.0.0.0", **given))  # noqa: S104
    assert (exposure.open, exposure.secure, exposure.proxied) == (False, secure, proxied)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"web_tls_key": Path("k.pem")}, "expected both or none"),
        ({"web_tls_certificate": Path("c.pem")}, "expected both or none"),
        (BY_PROXY, "web_behind_proxy false"),
        ({**BY_PROXY, "web_behind_proxy": True}, "web_trusted_proxies: expected the proxy's"),
        ({**PASSWORD, "web_behind_proxy": True}, "web_trusted_proxies: expected the proxy's"),
        (PROXY, "found web_authentication none"),
        ({"web_host": "no such host"}, "expected an address of this machine"),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused(
    given: dict[str, Any], complaint: str
) -> None:
    """On a loopback address too: half a protection is a mistake."""
    with pytest.raises(SettingsError, match=complaint):
        check_exposure(Settings(**given))


@pytest.mark.parametrize("value", ["0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.1/8"])
def test_a_network_of_everybody_or_a_name_is_no_trusted_proxy(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may say who logged in is named exactly."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="web_trusted_proxies"):
        load_settings(web_trusted_proxies=value)


def test_a_name_for_both_families_is_listened_on_with_ipv4() -> None:
    """A modality's or a proxy's 127.0.0.1 reaches what `localhost` listens on."""
    exposure = check_exposure(Settings(web_host="localhost", web_port=8081))
    assert (exposure.family, exposure.address) == (socket.AF_INET, ("127.0.0.1", 8081))
