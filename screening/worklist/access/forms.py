"""Forms that change something: small, and accepted from this site's own pages only.

Two checks, each enough by itself against another site that sends a form in a reader's name: the
browser says where the form came from, and the form holds a token that only its visitor's pages
have. Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet (Fetch Metadata; signed
double-submit token); W3C Fetch Metadata section 2.3.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

SAFE_METHODS = frozenset({"GET", "HEAD"})
LARGEST_FORM_BYTES = 8192
MOST_FIELDS = 8
TOKEN_FIELD = "form_token"  # noqa: S105  a field's name


class RefusedFormError(Exception):
    """The form is refused; `status` is the HTTP status, the text says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class FormTokens:
    """Derives tokens from what only a visitor or their browser knows, with this process's key."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, secret: str) -> str:
        """Return the token of forms given out to whoever holds a secret."""
        return hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()


def comes_from_elsewhere(request: Request) -> bool:
    """Return whether the browser says that another site's page makes this request.

    Programs that are no browser say nothing, and are not misled by other sites' pages either.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def read_form(request: Request, token: str) -> Mapping[str, str]:
    """Return the fields of a form that holds this token.

    Raises RefusedFormError where it is too large, no form, or has another token or none.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM_BYTES:
            raise RefusedFormError(413, "The form is too large.")
    try:
        fields = dict(
            parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS, keep_blank_values=True)
        )
    except ValueError:
        raise RefusedFormError(400, "The form cannot be read.") from None
    if not hmac.compare_digest(fields.get(TOKEN_FIELD, "").encode(), token.encode()):
        raise RefusedFormError(
            403,
            "The form is out of date, or this browser takes no cookies. "
            "Reload the page and send its form again.",
        )
    return fields
