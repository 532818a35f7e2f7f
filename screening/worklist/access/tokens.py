"""Tokens of programs: made and revoked by operators, each kept as its digest alone.

A token is 256 random bits, which nobody guesses at any rate. So its SHA-256 is kept as it is: salt
and a slow hash, as passwords need them, protect secrets that people choose, and would cost 64 MiB
with each request (NIST SP 800-63B section 3.1.2.2, look-up secrets of 112 bits and more).
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from screening.db.clock import utc_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.tokens import ClientToken
from screening.domain.roles import Role
from screening.errors import DecisionRefusedError
from screening.worklist.access.users import NAME_PATTERN

PREFIX = "screening_"
"""By which a token is known for one of ours, also to programs that look for leaked secrets."""
USE_NOTED_EVERY = timedelta(minutes=1)
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A row of a token. The digest is kept out of `repr`."""

    id: int
    name: str
    role: Role
    sha256: str = field(repr=False)
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return whether it is "valid", "expired" or "revoked"; now: aware."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def needs_note(self, now: datetime) -> bool:
        """Return whether its use is to be noted, which it is once a minute."""
        return self.last_used_at is None or now - self.last_used_at >= USE_NOTED_EVERY


def digest_of_token(token: str) -> str:
    """Return what is kept of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_token(
    database: Database, name: str, role: Role, *, by: str, expires_at: datetime | None
) -> str:
    """Return a new token, which is told this once.

    expires_at: aware; None: never. Raises DecisionRefusedError for a name that a log cannot show,
    for one that has a valid token, and where it would expire at once; DatabaseUnavailableError.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise DecisionRefusedError(
            "expected a client's name of 1 to 64 letters, digits, dots, dashes, underscores or @, "
            "starting with a letter or digit, found something else"
        )
    now = utc_now()
    if expires_at is not None and expires_at <= now:
        raise DecisionRefusedError("expected a time to come, found an earlier one; choose a later")
    token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    with database.write() as session:
        if session.scalar(select(ClientToken.id).where(_is_held_by(name))) is not None:
            raise DecisionRefusedError(
                f"expected a client without a token, found that {name} has one; revoke it, or "
                "name this one otherwise and revoke the old one when the client has it"
            )
        session.add(
            ClientToken(
                name=name,
                role=role.value,
                sha256=digest_of_token(token),
                created_at=now,
                created_by=by,
                expires_at=expires_at,
            )
        )
        add_event(session, "token_created", name=name, role=role.value, by=by)
    return token


def revoke_token(database: Database, name: str, *, by: str) -> None:
    """End a client's token, at once.

    Raises DecisionRefusedError where it has none; DatabaseUnavailableError.
    """
    with database.write() as session:
        row = session.scalar(select(ClientToken).where(_is_held_by(name)).with_for_update())
        if row is None:
            raise DecisionRefusedError(
                "expected a client with a token, found none of this name; "
                "`screening tokens list` shows them"
            )
        row.revoked_at, row.revoked_by = utc_now(), by
        add_event(session, "token_revoked", name=name, by=by)


def read_tokens(database: Database) -> list[KnownToken]:
    """Return every token that there ever was, the oldest first. Raises DatabaseUnavailableError."""
    with database.read() as session:
        return [
            _known(row) for row in session.scalars(select(ClientToken).order_by(ClientToken.id))
        ]


def find_token(database: Database, sha256: str) -> KnownToken | None:
    """Return the token of this digest, whatever its state. Raises DatabaseUnavailableError."""
    with database.read() as session:
        row = session.scalar(select(ClientToken).where(ClientToken.sha256 == sha256))
        return None if row is None else _known(row)


def note_use(database: Database, token: KnownToken, now: datetime) -> None:
    """Keep when a token was used; now: aware. Raises DatabaseUnavailableError."""
    with database.write() as session:
        row = session.get(ClientToken, token.id)
        if row is not None:
            row.last_used_at = now


def _is_held_by(name: str) -> ColumnElement[bool]:
    return (ClientToken.name == name) & ClientToken.revoked_at.is_(None)


def _known(row: ClientToken) -> KnownToken:
    return KnownToken(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        sha256=row.sha256,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
