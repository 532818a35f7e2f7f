"""Logging in with a password, and out again."""

import secrets

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from screening.logs import get_logger
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import FormTokens, read_form
from screening.worklist.access.identification import ByPassword, address_of
from screening.worklist.gate import LOGIN_PATH, LOGOUT_PATH
from screening.worklist.pages import Pages

_FORM_COOKIE_S = 3600
_MINUTE_S = 60
WRONG = "User name or password is wrong."
log = get_logger()


def add_login(
    app: FastAPI, pages: Pages, users: ByPassword, tokens: FormTokens, *, secure: bool
) -> None:
    """Add the login page, and the paths of its form and of the logout form.

    secure: browsers come by TLS; without it, on this machine alone, cookies go without.
    """
    form_cookie = f"{'__Host-' if secure else ''}screening-login"

    def set_cookie(response: Response, name: str, value: str, lifetime_s: float) -> None:
        response.set_cookie(
            name, value, max_age=int(lifetime_s), secure=secure, httponly=True, samesite="lax"
        )

    def form(request: Request, problem: str = "", status: int = 200) -> Response:
        secret = request.cookies.get(form_cookie) or secrets.token_urlsafe(32)
        token = tokens.of(f"login {secret}")
        response = HTMLResponse(pages.login(form_token=token, problem=problem), status)
        set_cookie(response, form_cookie, secret, _FORM_COOKIE_S)
        return response

    @app.get(LOGIN_PATH)
    async def login_page(request: Request) -> Response:
        if await users.visitor(request) is not None:
            return RedirectResponse("/", 303)
        return form(request)

    @app.post(LOGIN_PATH)
    async def log_in(request: Request) -> Response:
        secret = request.cookies.get(form_cookie, secrets.token_urlsafe(32))
        fields = await read_form(request, tokens.of(f"login {secret}"))
        login = await users.log_in(
            fields.get("name", ""), fields.get("password", ""), address=address_of(request)
        )
        if login.wait_s:
            minutes = int(login.wait_s // _MINUTE_S) + 1
            response = form(request, f"Too many attempts. Try again in {minutes} minutes.", 429)
            response.headers["Retry-After"] = str(int(login.wait_s) + 1)
            return response
        if login.user is None:
            return form(request, WRONG, 403)
        log.info("login_succeeded", user=login.user.name, address=address_of(request))
        response = RedirectResponse("/", 303)
        token = users.sessions.begin(login.user)
        set_cookie(response, users.cookie_name, token, users.sessions.lifetime_s)
        response.delete_cookie(form_cookie, secure=secure, httponly=True, samesite="lax")
        return response

    @app.post(LOGOUT_PATH)
    async def log_out(request: Request) -> Response:
        await read_form(request, visitor_of(request).form_token)
        users.sessions.end(request.cookies.get(users.cookie_name, ""))
        response = RedirectResponse(LOGIN_PATH, 303)
        response.delete_cookie(users.cookie_name, secure=secure, httponly=True, samesite="lax")
        return response
