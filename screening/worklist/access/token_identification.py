"""Identifies programs by the token that they send with each request (RFC 6750 section 2.1)."""

from collections import OrderedDict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger
from screening.worklist.access.access import Visitor
from screening.worklist.access.attempts import FailedAttempts
from screening.worklist.access.identification import address_of
from screening.worklist.access.tokens import (
    PREFIX,
    KnownToken,
    digest_of_token,
    find_token,
    note_use,
)

CLIENT_PREFIX = "client:"
"""Before a program's name where its acts are kept and shown; no person logs in under such a one."""
MOST_REMEMBERED = 1000
log = get_logger()


class RefusedTokenError(Exception):
    """The token is refused; the text says why. wait_s: how long to wait, 0 where that is no use."""

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class ByToken:
    """Programs, by their token; for one event loop.

    behind_proxy: the proxy identifies people, and may pass on tokens that are its own.

    Failures are counted like wrong passwords, apart from them: a program with a revoked token
    waits, and neither people at its address nor programs whose token was good before do.
    """

    def __init__(self, database: Database, *, behind_proxy: bool) -> None:
        self._database = database
        self._behind_proxy = behind_proxy
        self._attempts = FailedAttempts()
        self._good: OrderedDict[str, str] = OrderedDict()
        """The last address by the digest of each token that was good."""

    def token_of(self, request: Request) -> str | None:
        """Return the token that a request brings, None where it brings none of ours."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        is_ours = token.strip().startswith(PREFIX) or not self._behind_proxy
        return token.strip() if scheme.lower() == "bearer" and is_ours else None

    async def visitor(self, request: Request, token: str) -> Visitor:
        """Return the program whose token this is.

        Raises RefusedTokenError where it is unknown, expired or revoked, or too many were;
        DatabaseUnavailableError.
        """
        address, sha256 = address_of(request), digest_of_token(token)
        wait_s = 0.0 if sha256 in self._good else self._attempts.wait_s(address, sha256)
        if wait_s:
            log.warning("token_delayed", address=address, wait_s=round(wait_s))
            raise RefusedTokenError("Too many requests came with a wrong token.", wait_s)
        found = await run_in_threadpool(find_token, self._database, sha256)
        state = "unknown" if found is None else found.state(utc_now())
        if found is None or state != "valid":
            self._good.pop(sha256, None)
            self._attempts.count(address, sha256)
            name = found.name if found else None
            log.warning("token_refused", address=address, client=name, reason=state)
            raise RefusedTokenError(
                f"Expected a valid token, found one that is {state}. Have an operator create "
                "another: screening tokens create."
            )
        await self._note(found, address)
        return Visitor(f"{CLIENT_PREFIX}{found.name}", found.role, "", by_token=True)

    async def _note(self, token: KnownToken, address: str) -> None:
        """Log the first use from an address, as a login is; keep when it was used."""
        if self._good.get(token.sha256) != address:
            log.info("token_accepted", client=token.name, role=token.role, address=address)
        self._good[token.sha256] = address
        self._good.move_to_end(token.sha256)
        while len(self._good) > MOST_REMEMBERED:
            self._good.popitem(last=False)
        now = utc_now()
        if token.needs_note(now):
            try:
                await run_in_threadpool(note_use, self._database, token, now)
            except DatabaseUnavailableError as error:
                # a database that only reads still serves the list
                log.warning("token_use_not_noted", client=token.name, reason=str(error))
