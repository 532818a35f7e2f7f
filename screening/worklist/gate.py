"""Who may request what: those who may see patients everything, unless the table says otherwise.

| path | right |
|---|---|
| `/healthz`, `/login`, `/static/...` | none |
| what names no patient: `/metrics`, and of the REST interface `WITHOUT_PATIENTS` | see results |
| what readers do with a study: `READERS_ACTS`, `CLIENTS_ACTS` | read studies, with a name |
| `POST /pictures/DIGEST/heat-maps`, which asks for a computation | see patients |
| `/operations...`, and every other change | operate |
| everything else | see patients |

Logging out changes nothing but the visitor's own login, and a search changes nothing. Tokens are
taken for the REST interface and the metrics alone.
"""

import hmac
import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from screening.domain.roles import Right
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger
from screening.worklist.access.access import VISITOR_KEY, Visitor
from screening.worklist.access.forms import SAFE_METHODS, comes_from_elsewhere
from screening.worklist.access.identification import ByPassword, Identification
from screening.worklist.access.token_identification import ByToken, RefusedTokenError
from screening.worklist.answers import is_for_programs, is_of_interface, refusal, unavailable
from screening.worklist.api.problems import API_PATH, Problem
from screening.worklist.pages import Pages
from screening.worklist.reach import HEALTH_PATH

LOGIN_PATH = "/login"
LOGOUT_PATH = "/logout"
SEARCH_PATH = "/search"
SEARCHES_PATH = f"{API_PATH}/searches"
METRICS_PATH = "/metrics"
OPERATIONS_PATH = "/operations"
PUBLIC_PATHS = frozenset({HEALTH_PATH, LOGIN_PATH})
CHANGE_NOTHING = frozenset({LOGOUT_PATH, SEARCH_PATH, SEARCHES_PATH})
STATIC_PREFIX = "/static/"
READERS_ACTS = ("claim", "release", "read", "put-back", "feedback")
"""What `POST /studies/UID/...` does, for readers (`screening.worklist.reading`)."""
CLIENTS_ACTS = ("claim", "reading", "feedback")
"""What programs change of `/studies/UID/...` (`screening.worklist.api.reading`)."""
WITHOUT_PATIENTS = ("worklist", "openapi.json", "problems/[^/]+", "studies/[^/]+(?:/results)?")
"""What the REST interface tells those who may not see patients, without patients' attributes."""
TOKEN_HEADER = "x-form-token"  # noqa: S105  a header's name
_ASKS_FOR_HEAT_MAPS = re.compile(r"/pictures/[0-9a-f]{64}/heat-maps")
_READERS_ACT = re.compile(
    rf"/studies/[^/]+/(?:{'|'.join(READERS_ACTS)})"
    rf"|{API_PATH}/studies/[^/]+/(?:{'|'.join(CLIENTS_ACTS)})"
)
_WITHOUT_PATIENTS = re.compile(rf"{METRICS_PATH}|{API_PATH}/(?:{'|'.join(WITHOUT_PATIENTS)})")
NOT_ALLOWED = {
    Right.SEE_RESULTS: "Only those who may see results may do this.",
    Right.SEE_PATIENTS: "Only those who may see patients may do this.",
    Right.READ_STUDIES: "Only readers may do this.",
    Right.OPERATE: "Only operators may do this.",
}
BASIC, BEARER = 'Basic realm="screening", charset="UTF-8"', 'Bearer realm="screening"'
NOBODY_KNOWN = (
    "Expected somebody who may read this list, found nobody known. Log in, or as a program send a "
    "token, and try again."
)
log = get_logger()


class Gate:
    """ASGI middleware that leaves the visitor in the scope, or refuses."""

    def __init__(
        self, app: ASGIApp, *, identification: Identification, by_token: ByToken, pages: Pages
    ) -> None:
        self._app = app
        self._identification = identification
        self._by_token = by_token
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
        try:
            visitor = await self._visitor(request)
        except (RefusedTokenError, DatabaseUnavailableError) as error:
            return self._not_identified(request, error)
        if visitor is None:
            return self._unknown(request)
        text = _not_allowed(request, visitor)
        if text:
            return self._forbidden(request, text)
        request.scope[VISITOR_KEY] = visitor
        return None

    async def _visitor(self, request: Request) -> Visitor | None:
        path = request.url.path
        if _takes_tokens(path):
            token = self._by_token.token_of(request)
            if token is not None:
                return await self._by_token.visitor(request, token)
        return await self._identification.visitor(request)

    def _forbidden(self, request: Request, text: str) -> Response:
        log.warning("web_request_refused", reason=text)
        return refusal(self._pages, request.url.path, Problem.NOT_ALLOWED, text)

    def _not_identified(
        self, request: Request, error: RefusedTokenError | DatabaseUnavailableError
    ) -> Response:
        path, text = request.url.path, str(error)
        if isinstance(error, DatabaseUnavailableError):
            return unavailable(self._pages, path, error)
        if error.wait_s:
            headers = {"Retry-After": str(int(error.wait_s) + 1)}
            return refusal(self._pages, path, Problem.TOO_MANY_ATTEMPTS, text, headers=headers)
        headers = {"WWW-Authenticate": f'{BEARER}, error="invalid_token"'}
        return refusal(self._pages, path, Problem.NOT_AUTHENTICATED, text, headers=headers)

    def _unknown(self, request: Request) -> Response:
        path = request.url.path
        if self._has_login and not is_for_programs(path):
            return RedirectResponse(LOGIN_PATH, 303)
        schemes = [BASIC] if self._has_login else []
        schemes += [BEARER] if _takes_tokens(path) else []
        # a browser would ask by itself, and send what it was told until it is closed
        asks = schemes and "sec-fetch-site" not in request.headers
        headers = {"WWW-Authenticate": ", ".join(schemes)} if asks else {}
        return refusal(
            self._pages,
            path,
            Problem.NOT_AUTHENTICATED,
            NOBODY_KNOWN,
            title="Login required",
            headers=headers,
        )


def is_public(path: str) -> bool:
    """Return whether everybody may request a path."""
    return path in PUBLIC_PATHS or path.startswith(STATIC_PREFIX)


def _takes_tokens(path: str) -> bool:
    return is_of_interface(path) or path == METRICS_PATH


def right_needed(request: Request) -> Right:
    """Return the right that a request needs."""
    path = request.url.path
    if _ASKS_FOR_HEAT_MAPS.fullmatch(path):
        return Right.SEE_PATIENTS
    if request.method not in SAFE_METHODS and path not in CHANGE_NOTHING:
        return Right.READ_STUDIES if _READERS_ACT.fullmatch(path) else Right.OPERATE
    if path == OPERATIONS_PATH or path.startswith(f"{OPERATIONS_PATH}/"):
        return Right.OPERATE
    return Right.SEE_RESULTS if _WITHOUT_PATIENTS.fullmatch(path) else Right.SEE_PATIENTS


def _not_allowed(request: Request, visitor: Visitor) -> str:
    """Return why a visitor may not make a request, "" where they may."""
    right = right_needed(request)
    if not visitor.may(right):
        return f"{NOT_ALLOWED[right]} Ask the operators of this system."
    if right is Right.READ_STUDIES and not visitor.name:
        return (
            "Only readers who have logged in may do this: this page is open, and knows nobody "
            "by name. Ask the operators of this system to have readers log in."
        )
    if is_of_interface(request.url.path) and request.method not in SAFE_METHODS:
        sent = request.headers.get(TOKEN_HEADER, "")
        if not visitor.by_token and not hmac.compare_digest(
            sent.encode(), visitor.form_token.encode()
        ):
            return (
                "Expected a token of a program, or the token of this visitor's forms in "
                "X-Form-Token, found neither. Send Authorization: Bearer TOKEN."
            )
    return ""
