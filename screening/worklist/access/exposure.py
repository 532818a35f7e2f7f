"""Who can reach the page, and the rules that follow from it; wrong ones end the start.

| the page listens on | demanded |
|---|---|
| a loopback address | nothing: whoever works at this machine may read |
| anything else | a way to know who reads, and TLS or a proxy that does it |
"""

import ipaddress
import socket
from dataclasses import dataclass

from screening.errors import SettingsError
from screening.settings import Settings

SocketAddress = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the page can be reached.

    address: to listen on. open: nobody logs in. secure: browsers reach it by TLS, here or at the
    proxy. proxied: only the proxy may reach it.
    """

    family: socket.AddressFamily
    address: SocketAddress
    open: bool
    secure: bool
    proxied: bool


def check_exposure(settings: Settings) -> Exposure:
    """Return how the page may be reached with these settings.

    Raises SettingsError naming the setting that is missing or does not fit the others.
    """
    family, address = _resolve(settings.web_host, settings.web_port)
    tls = _tls_is_set(settings)
    _check_proxy(settings)
    exposure = Exposure(
        family=family,
        address=address,
        open=settings.web_authentication == "none",
        secure=tls or settings.web_behind_proxy,
        proxied=settings.web_behind_proxy,
    )
    if not ipaddress.ip_address(address[0].split("%")[0]).is_loopback:
        _check_reachable(settings, exposure)
    return exposure


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, SocketAddress]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise SettingsError(
            f"web_host: expected an address of this machine or a name of one, found {host!r} "
            f"({error.strerror}); correct it"
        ) from None
    preferred = sorted(found, key=lambda one: one[0] is not socket.AF_INET)
    family, _, _, _, address = preferred[0]
    return family, (str(address[0]), int(address[1]))


def _check_reachable(settings: Settings, exposure: Exposure) -> None:
    if exposure.open:
        raise SettingsError(
            f"web_host: {settings.web_host!r} can be reached from other machines, so the page must "
            "know who reads; set web_authentication to password (and `screening users add`) or to "
            "proxy, or listen on 127.0.0.1"
        )
    if not exposure.secure:
        raise SettingsError(
            f"web_host: {settings.web_host!r} can be reached from other machines, so patients' "
            "names need TLS; set web_tls_certificate and web_tls_key, or web_behind_proxy with a "
            "proxy that does it, or listen on 127.0.0.1"
        )


def _tls_is_set(settings: Settings) -> bool:
    if bool(settings.web_tls_certificate) != bool(settings.web_tls_key):
        raise SettingsError(
            "web_tls_certificate, web_tls_key: expected both or none, found one; set the other"
        )
    return settings.web_tls_certificate is not None


def _check_proxy(settings: Settings) -> None:
    relies_on_proxy = settings.web_behind_proxy or settings.web_authentication == "proxy"
    if settings.web_authentication == "proxy" and not settings.web_behind_proxy:
        raise SettingsError(
            "web_authentication: proxy means that a proxy says who reads, found web_behind_proxy "
            "false; set it to true"
        )
    if settings.web_behind_proxy and settings.web_authentication == "none":
        raise SettingsError(
            "web_behind_proxy: a proxy lets others reach the page, so it must know who reads, "
            "found web_authentication none; set it to password or proxy"
        )
    if relies_on_proxy and not settings.web_trusted_proxies:
        raise SettingsError(
            "web_trusted_proxies: expected the proxy's address, whose headers alone are trusted, "
            "found none; set it"
        )
