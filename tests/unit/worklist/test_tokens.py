"""Tokens of programs: made once, known by their digest, ended at once; failures are counted."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.db.tables.tokens import ClientToken
from screening.domain.roles import RIGHTS, Right, Role
from screening.errors import DatabaseUnavailableError, DecisionRefusedError
from screening.settings import Settings
from screening.worklist.access.attempts import MOST_FAILURES
from screening.worklist.access.tokens import PREFIX, create_token, read_tokens, revoke_token
from tests.sites.web_app import Client, make_app, password_client

LIST = "/api/v1/worklist"


@pytest.fixture
def client(migrated_database: Database, tmp_path: Path) -> Callable[..., Client]:
    """Return a maker of clients of a page that asks for passwords."""
    return password_client(migrated_database, tmp_path)


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def made(database: Database, name: str = "ris", role: Role = Role.VIEWER) -> str:
    """Return a new token."""
    return create_token(database, name, role, by="otto", expires_at=None)


def test_each_role_has_the_rights_of_the_one_before_it() -> None:
    """So that an operator's token does for everything."""
    rights = [RIGHTS[role] for role in Role]
    assert all(less < more for less, more in pairwise(rights))
    assert rights[-1] == set(Right)


def test_a_token_is_random_and_kept_as_its_digest(migrated_database: Database) -> None:
    """256 bits; neither the row nor the audit trail has it."""
    token, other = made(migrated_database), made(migrated_database, "pacs")
    assert token != other
    assert re.fullmatch(PREFIX + r"[A-Za-z0-9_-]{43}", token)
    with migrated_database.read() as session:
        rows = session.execute(select(ClientToken.__table__)).all()
        events = session.execute(select(Event.kind, Event.detail)).all()
    assert token.removeprefix(PREFIX) not in f"{rows} {events}"
    assert (events[0].kind, events[0].detail) == (
        "token_created",
        {"name": "ris", "role": "viewer", "by": "otto"},
    )
    assert rows[0].sha256 not in repr(read_tokens(migrated_database))


@pytest.mark.parametrize("name", ["", "Doe^Jane", "a" * 65, "client:ris", "a\nb"])
def test_a_name_that_a_log_cannot_show_is_refused(migrated_database: Database, name: str) -> None:
    """Nor one under which a person might log in through a proxy."""
    with pytest.raises(DecisionRefusedError, match="expected a client's name"):
        made(migrated_database, name)


def test_a_client_has_one_token_at_a_time(migrated_database: Database) -> None:
    """Its name may be used again when it is revoked."""
    made(migrated_database)
    with pytest.raises(DecisionRefusedError, match="ris has one; revoke it"):
        made(migrated_database)
    revoke_token(migrated_database, "ris", by="otto")
    with pytest.raises(DecisionRefusedError, match="found none of this name"):
        revoke_token(migrated_database, "ris", by="otto")
    made(migrated_database)
    assert [one.state(utc_now()) for one in read_tokens(migrated_database)] == ["revoked", "valid"]


def test_a_token_ends_when_it_expires_or_is_revoked(
    migrated_database: Database, client: Callable[..., Client]
) -> None:
    """With the next request; whoever holds it is told why, and how to get another."""
    soon = utc_now() + timedelta(hours=1)
    token = create_token(migrated_database, "ris", Role.VIEWER, by="otto", expires_at=soon)
    program = client(headers=bearer(token))
    assert program.get(LIST).status_code == 200
    with pytest.raises(DecisionRefusedError, match="a time to come"):
        create_token(migrated_database, "x", Role.VIEWER, by="otto", expires_at=utc_now())
    with migrated_database.write() as session:
        session.execute(update(ClientToken).values(expires_at=utc_now()))
    expired = program.get(LIST)
    assert (expired.status_code, "expired" in expired.json()["detail"]) == (401, True)
    assert 'error="invalid_token"' in expired.headers["WWW-Authenticate"]
    revoke_token(migrated_database, "ris", by="otto")
    assert "revoked" in program.get(LIST).json()["detail"]
    assert client().get(LIST).headers["WWW-Authenticate"].endswith('Bearer realm="screening"')
    unknown = client(headers=bearer(PREFIX + "x" * 43)).get(LIST)
    assert (unknown.status_code, "unknown" in unknown.json()["detail"]) == (401, True)


def test_a_token_is_for_programs_addresses_alone(
    migrated_database: Database, client: Callable[..., Client]
) -> None:
    """The interface and the metrics; pages and their forms are for people."""
    program = client(headers=bearer(made(migrated_database, role=Role.OPERATOR)))
    assert {program.get(path).status_code for path in (LIST, "/metrics")} == {200}
    for path in ("/", "/operations", "/board", "/pictures/x/preview.jpg"):
        assert program.get(path).status_code in {303, 401}, path
    assert program.post("/operations/remake").status_code in {303, 401}


def test_its_use_is_logged_like_a_login_and_noted_once_a_minute(
    migrated_database: Database, client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that takes no note is no reason to refuse."""
    token = made(migrated_database)
    program = client(headers=bearer(token))
    with capture_logs() as logged:
        assert {program.get(LIST).status_code for _ in range(3)} == {200}
        elsewhere = client(headers=bearer(token), peer="127.0.0.9")
        elsewhere.get(LIST)
    accepted = [one for one in logged if one["event"] == "token_accepted"]
    assert [(one["client"], one["address"]) for one in accepted] == [
        ("ris", "127.0.0.1"),
        ("ris", "127.0.0.9"),
    ]
    assert token.removeprefix(PREFIX) not in str(logged)
    (known,) = read_tokens(migrated_database)
    assert known.last_used_at is not None
    assert utc_now() - known.last_used_at < timedelta(minutes=1)

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("read only")

    monkeypatch.setattr("screening.worklist.access.token_identification.note_use", away)
    with migrated_database.write() as session:
        session.execute(update(ClientToken).values(last_used_at=None))
    with capture_logs() as logged:
        assert program.get(LIST).status_code == 200
    assert "token_use_not_noted" in str(logged)


def test_wrong_tokens_are_counted_and_harm_nobody_else(
    migrated_database: Database, client: Callable[..., Client]
) -> None:
    """A program with a revoked token waits; people and good tokens of its address do not."""
    good = client(headers=bearer(made(migrated_database, "good")))
    assert good.get(LIST).status_code == 200
    bad = made(migrated_database, "bad")
    revoke_token(migrated_database, "bad", by="otto")
    program = client(headers=bearer(bad))
    with capture_logs() as logged:
        answers = [program.get(LIST) for _ in range(MOST_FAILURES["address and user"] + 1)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    told = [(one["event"], one.get("client"), one.get("reason")) for one in logged]
    assert told == [("token_refused", "bad", "revoked")] * 5 + [("token_delayed", None, None)]
    for number in range(MOST_FAILURES["address"]):
        client(headers=bearer(f"{PREFIX}{number}")).get(LIST)
    unknown = client(headers=bearer(PREFIX + "new")).get(LIST)
    assert (unknown.status_code, good.get(LIST).status_code) == (429, 200)
    rita = client()
    assert rita.log_in("rita").status_code == 303


def test_without_the_database_nobody_is_let_in(
    client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and not 401: the program tries again with the same token."""

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("away")

    monkeypatch.setattr("screening.worklist.access.token_identification.find_token", away)
    answer = client(headers=bearer(PREFIX + "x")).get(LIST)
    assert (answer.status_code, answer.json()["type"]) == (503, "/api/v1/problems/unavailable")


def test_a_proxys_own_tokens_are_left_to_it(migrated_database: Database, tmp_path: Path) -> None:
    """It may pass on one of its identity provider; ours comes through it, too."""
    settings = Settings(
        data_dir=tmp_path,
        web_authentication="proxy",
        web_behind_proxy=True,
        web_trusted_proxies=["127.0.0.1"],
    )
    app = make_app(migrated_database, settings)
    person = {settings.web_user_header: "rita"}
    for token, status in (("eyJhbGciOi.x.y", 200), (PREFIX + "x", 401)):
        assert Client(app, headers={**person, **bearer(token)}).get(LIST).status_code == status
    ours = Client(app, headers=bearer(made(migrated_database, role=Role.READER)))
    assert ours.get(LIST).status_code == 200


def test_an_open_page_takes_tokens_too(migrated_database: Database, tmp_path: Path) -> None:
    """So that a program on this machine has a name, by which it may claim; wrong ones are told."""
    app = make_app(migrated_database, Settings(data_dir=tmp_path))
    token = made(migrated_database, role=Role.READER)
    claim = "/api/v1/studies/1.2.3/claim"
    assert Client(app).ask("PUT", claim).status_code == 403
    assert Client(app, headers=bearer(token)).ask("PUT", claim).status_code == 404
    assert Client(app, headers=bearer("wrong")).get(LIST).status_code == 401
