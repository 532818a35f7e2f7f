"""What the database does to transactions that were left open, and patience while it is away."""

import time
from contextlib import suppress

import pytest
from sqlalchemy import select

from screening.db import session as sessions
from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.errors import DatabaseUnavailableError
from tests.rows.stored import add_instance


def test_a_write_is_tried_until_the_database_takes_it() -> None:
    """The result of work is not thrown away for a restart of the database."""
    tries = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseUnavailableError("away")

    written_with_patience(write, patience_s=10)
    assert len(tries) == 3


def test_patience_ends() -> None:
    """The row is then due again when its lease has run out."""

    def write() -> None:
        raise DatabaseUnavailableError("away")

    with pytest.raises(DatabaseUnavailableError):
        written_with_patience(write, patience_s=0.5)


def test_another_error_is_raised_at_once() -> None:
    """Only what may pass is waited for."""

    def write() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        written_with_patience(write)


def test_a_transaction_left_open_holds_its_rows_for_a_while_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is stopped, or whose machine vanishes, in the midst of one."""
    if database.dialect == "sqlite":
        pytest.skip("SQLite gives a dead process's lock back by itself")
    with database.write() as session:
        add_instance(session, "1.2.3")
    monkeypatch.setattr(sessions, "IDLE_TRANSACTION_TIMEOUT_S", 1)
    left_open = Database(database.engine.url.render_as_string(hide_password=False))
    locked = select(Instance).with_for_update(skip_locked=True)
    with suppress(DatabaseUnavailableError), left_open.write() as session:
        assert len(session.scalars(locked).all()) == 1
        with database.write() as other:
            assert other.scalars(locked).all() == []
        time.sleep(2)
        with database.write() as other:
            assert len(other.scalars(locked).all()) == 1
    left_open.close()
