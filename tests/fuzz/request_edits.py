"""Makes requests to the page that no browser makes: paths, queries, headers, forms."""

import json
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import quote

from hypothesis import strategies as st

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X")
PATHS = (
    "/",
    "/board",
    "/api/v1/worklist",
    "/health",
    "/metrics",
    "/login",
    "/logout",
    "/operations",
)
PATHS += ("/operations/release", "/operations/remake", "/studies/1.2.3", "/studies/", "/static/")
PATHS += ("/static/../web.py", "/static/%2e%2e/web.py", "//", "/api/", "*", "http://x/")
PATHS += ("/model", "/model/", "/model/%00")
PATHS += (
    "/api/v1/searches",
    "/api/v1/openapi.json",
    "/api/v1/problems/",
    "/api/v1/images/a/preview",
)
PATHS += tuple(f"/api/v1/studies/1.2.3{act}" for act in ("", "/claim", "/reading", "/feedback"))
FIELDS = ("limit", "after", "before", "form_token", "destination", "name", "password", "next")
VALUES = (
    "",
    "1",
    "0",
    "-1",
    "1e9",
    "9" * 400,
    "NaN",
    "\0",
    "%00",
    "\r\nX: y",
    "../",
    "é",
    "\ud7ff",
)
VALUES += ("archive", "rita", "seven green lungs", "{{7*7}}", "<script>", "' OR 1=1 --", "TOKEN")
HEADERS = ("host", "cookie", "origin", "sec-fetch-site", "content-type", "content-length", "accept")
HEADERS += ("x-forwarded-for", "x-forwarded-proto", "forwarded", "range", "if-none-match", "te")
HEADERS += ("transfer-encoding", "authorization", "x-remote-user", "if-modified-since")
HEADER_VALUES = ("", "127.0.0.1", "localhost:x", "[::1", "same-origin", "cross-site", "null", "a=b")
HEADER_VALUES += (
    "bytes=0-",
    "bytes=-99999999999",
    "bytes=5-1,0-0,9-",
    "http://[",
    "COOKIE; a=",
    "-1",
)
HEADER_VALUES += (
    "session=\xff",
    "a" * 5000,
    "application/x-www-form-urlencoded",
    "::1",
    "1.2.3.4, ,",
)
HEADER_VALUES += ('for="[::1"', "Basic =", "Sun, 99 Nov 2026", "=;=;;", 'a="b\\')

HEADERS += ("x-form-token",)
HEADER_VALUES += ("TOKEN", "application/json", "Bearer screening_x", "Bearer", 'W/"')
JSON_BODIES = (b'{"images_seen": 1}', b'{"text": "Doe"}', b'{"answer": "agree"}', b"[" * 9000, b"{")


class Who(StrEnum):
    """In whose name a request is made."""

    ANYBODY = "anybody"
    """Of a page that asks nobody who they are."""
    STRANGER = "stranger"
    OPERATOR = "operator"


@st.composite
def requests(draw: Callable) -> bytes:
    """Return a request as it is kept in the corpus; TOKEN and COOKIE stand for right ones."""
    text = st.sampled_from(VALUES) | st.text(max_size=12)
    path = draw(st.sampled_from(PATHS))
    if draw(st.integers(0, 3)) == 3:
        path += quote(draw(text), safe=draw(st.sampled_from(("", "/", "/%?"))))
    fields = draw(st.lists(st.tuples(st.sampled_from(FIELDS) | text, text), max_size=6))
    values = st.sampled_from(HEADER_VALUES) | st.text(
        st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20
    )
    headers = draw(st.lists(st.tuples(st.sampled_from(HEADERS), values), max_size=5))
    body = draw(_forms(fields) | st.binary(max_size=40) | st.sampled_from(JSON_BODIES))
    return json.dumps(
        {
            "who": draw(st.sampled_from(Who)),
            "method": draw(st.sampled_from(METHODS[:2]) | st.sampled_from(METHODS)),
            "path": path,
            "query": draw(_forms(fields) | st.just(b"")).decode("latin-1"),
            "headers": [["host", "127.0.0.1"], ["cookie", "COOKIE"], *headers]
            if draw(st.booleans())
            else headers,
            "body": body.decode("latin-1"),
        }
    ).encode()


@st.composite
def _forms(draw: Callable, fields: list[tuple[str, str]]) -> bytes:
    safe = draw(st.sampled_from(("", "%&=+", "é")))
    pairs = [f"{quote(name, safe=safe)}={quote(value, safe=safe)}" for name, value in fields]
    if draw(st.booleans()):
        pairs.insert(0, "form_token=TOKEN")
    return draw(st.sampled_from(("&", ";", "&&"))).join(pairs).encode("utf-8", "replace")
