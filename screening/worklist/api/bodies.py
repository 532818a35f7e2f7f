"""What a program sends: JSON, and little of it; looked at before anything reads it."""

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from screening.worklist.api.problems import API_PATH, Problem, problem_response

LARGEST_BODY_BYTES = 8192
JSON = "application/json"


class BodyLimit:
    """ASGI middleware that refuses bodies of the REST interface that are too large, or no JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{API_PATH}/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await _body(request)
        if body is None:
            return
        if len(body) > LARGEST_BODY_BYTES:
            text = f"Expected a body of at most {LARGEST_BODY_BYTES} bytes, found a larger one."
            await problem_response(Problem.BODY_TOO_LARGE, text)(scope, receive, send)
            return
        found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and found != JSON:
            text = f"Expected a body of {JSON}, found one of another type."
            await problem_response(Problem.WRONG_CONTENT_TYPE, text)(scope, receive, send)
            return
        await self._app(scope, _once(body, receive), send)


async def _body(request: Request) -> bytes | None:
    """Return what is sent, of too much only the beginning; None where the sender went away."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY_BYTES:
                break
    except ClientDisconnect:
        return None
    return bytes(body)


def _once(body: bytes, receive: Receive) -> Receive:
    """Return what hands out a body that was read, and then what follows it."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
