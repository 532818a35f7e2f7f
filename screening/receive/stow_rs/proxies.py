"""Behind reverse proxies: they say who the sender is, and past them nobody is let in."""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from screening.receive.stow_rs.answers import problem
from screening.transport.addresses import AddressList


class BehindProxies:
    """ASGI middleware that takes the sender's address from the header of a trusted proxy."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str], *, open_path: str) -> None:
        """Take the proxies' addresses or networks, and the path that everybody may ask for."""
        self._app = ProxyHeadersMiddleware(app, list(proxies))
        self._proxies = AddressList(proxies)
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        peer, _ = scope.get("client") or ("", 0)
        if scope.get("path") != self._open_path and not self._proxies.names(peer):
            refused = problem(403, "this service is reached through its proxy: use its address")
            await Response(refused.body, refused.status, refused.headers, refused.media_type)(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)
