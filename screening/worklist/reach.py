"""Which machines may send requests to the page at all, before anybody is identified."""

import ipaddress

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from screening.logs import get_logger
from screening.settings import Settings
from screening.transport.reached import FORWARDING_HEADERS, is_own_name
from screening.worklist.access.exposure import Exposure
from screening.worklist.answers import refusal
from screening.worklist.api.problems import Problem
from screening.worklist.pages import Pages

HEALTH_PATH = "/healthz"
log = get_logger()


class Reach:
    """ASGI middleware that refuses requests from where none should come, health apart.

    - Behind a proxy the page is for the proxy alone, or anybody could send the headers it sends.
    - Where nobody logs in it is for this machine's own names alone. A page of another site could
      otherwise read the list through the reader's browser, by letting its name point to this
      machine (DNS rebinding), and a proxy put before the page would show it to everybody.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings, exposure: Exposure, pages: Pages
    ) -> None:
        self._app = app
        self._exposure = exposure
        self._pages = pages
        self._own_names = {"localhost", settings.web_host.lower()}
        self._proxies = [ipaddress.ip_network(one) for one in settings.web_trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        text = self._refused(Request(scope)) if scope["type"] == "http" else None
        if text is None:
            await self._app(scope, receive, send)
            return
        log.warning("web_request_refused", reason=text)
        answer = refusal(self._pages, scope["path"], Problem.NOT_REACHABLE, text)
        await answer(scope, receive, send)

    def _refused(self, request: Request) -> str | None:
        if request.url.path == HEALTH_PATH:
            return None
        if self._exposure.proxied and not self._is_proxy(request):
            return "This page is reached through its proxy. Use the proxy's address."
        if self._exposure.open and not is_own_name(request.url.hostname or "", self._own_names):
            return (
                "This page asks nobody who they are and is for this machine alone. "
                "Use http://localhost, or have it ask: docs/security.md."
            )
        if self._exposure.open and any(name in request.headers for name in FORWARDING_HEADERS):
            return (
                "This page asks nobody who they are and was reached through a proxy. "
                "Set SCREENING_WEB_BEHIND_PROXY: docs/security.md."
            )
        return None

    def _is_proxy(self, request: Request) -> bool:
        try:
            address = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(address in network for network in self._proxies)
