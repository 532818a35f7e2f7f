"""Who may request what: everything is for readers unless a line of the table says otherwise.

| path | who |
|---|---|
| `/healthz`, `/login`, `/static/...` | everybody |
| what readers do with a study: `READERS_ACTS` | readers who have logged in |
| `/operations...`, and every other change | operators |
| everything else | readers |

Logging out changes nothing but the visitor's own login, and a search changes nothing.
"""

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from screening.logs import get_logger
from screening.worklist.access.access import VISITOR_KEY
from screening.worklist.access.forms import SAFE_METHODS, comes_from_elsewhere
from screening.worklist.access.identification import ByPassword, Identification
from screening.worklist.answers import is_for_programs, refusal
from screening.worklist.pages import Pages
from screening.worklist.reach import HEALTH_PATH

LOGIN_PATH = "/login"
LOGOUT_PATH = "/logout"
SEARCH_PATH = "/search"
OPERATIONS_PATH = "/operations"
PUBLIC_PATHS = frozenset({HEALTH_PATH, LOGIN_PATH})
CHANGE_NOTHING = frozenset({LOGOUT_PATH, SEARCH_PATH})
STATIC_PREFIX = "/static/"
READERS_ACTS = ("claim", "release", "read", "put-back", "feedback")
"""What `POST /studies/UID/...` does, for readers (`screening.worklist.reading`)."""
_READERS_ACT = re.compile(rf"/studies/[^/]+/(?:{'|'.join(READERS_ACTS)})")
log = get_logger()


class Gate:
    """ASGI middleware that leaves the visitor in the scope, or refuses."""

    def __init__(self, app: ASGIApp, *, identification: Identification, pages: Pages) -> None:
        self._app = app
        self._identification = identification
        self._pages = pages
        self._has_login = isinstance(identification, ByPassword)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            refused = await self._refused(Request(scope))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refused(self, request: Request) -> Response | None:
        if request.method not in SAFE_METHODS and comes_from_elsewhere(request):
            return self._forbidden(
                request, "Another site's page sent this request. Use the pages of this system."
            )
        if is_public(request.url.path):
            return None
        visitor = await self._identification.visitor(request)
        if visitor is None:
            return self._unknown(request)
        if needs_operator(request) and not visitor.is_operator:
            return self._forbidden(
                request, "Only operators may do this. Ask the operators of this system."
            )
        if not visitor.name and is_readers_act(request):
            return self._forbidden(
                request,
                "Only readers who have logged in may do this: this page is open, and knows nobody "
                "by name. Ask the operators of this system to have readers log in.",
            )
        request.scope[VISITOR_KEY] = visitor
        return None

    def _forbidden(self, request: Request, text: str) -> Response:
        log.warning("web_request_refused", reason=text)
        return refusal(self._pages, request.url.path, status=403, title="Not allowed", text=text)

    def _unknown(self, request: Request) -> Response:
        path = request.url.path
        if self._has_login and not is_for_programs(path):
            return RedirectResponse(LOGIN_PATH, 303)
        # a browser would ask by itself, and send what it was told until it is closed
        asks = self._has_login and "sec-fetch-site" not in request.headers
        headers = {"WWW-Authenticate": 'Basic realm="screening", charset="UTF-8"'} if asks else {}
        return refusal(
            self._pages,
            path,
            status=401,
            title="Login required",
            text="Expected a user who may read this list, found none. Log in and try again.",
            headers=headers,
        )


def is_public(path: str) -> bool:
    """Return whether everybody may request a path."""
    return path in PUBLIC_PATHS or path.startswith(STATIC_PREFIX)


def needs_operator(request: Request) -> bool:
    """Return whether only operators may make a request."""
    path = request.url.path
    changes = request.method not in SAFE_METHODS and path not in CHANGE_NOTHING
    changes = changes and not is_readers_act(request)
    return changes or path == OPERATIONS_PATH or path.startswith(f"{OPERATIONS_PATH}/")


def is_readers_act(request: Request) -> bool:
    """Return whether a request is what readers do with a study."""
    is_act = _READERS_ACT.fullmatch(request.url.path) is not None
    return is_act and request.method not in SAFE_METHODS
