"""Whatever schema a database has: one sentence says which, and what to do; none is a traceback."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import alembic.command
import pytest
from sqlalchemy import create_engine, inspect, text

from screening.db.migrate import alembic_config, require_current, upgrade
from screening.db.session import Database
from screening.db.tables.schema import metadata
from screening.errors import DatabaseUnavailableError, StartupError
from tests.sites.site import START_TIMEOUT_S

OLDER = "0002"


def change(url: str, *statements: str) -> None:
    """Run statements on a database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def start(url: str) -> None:
    """Look at the schema as a station does that starts."""
    with closing(Database(url)) as database:
        require_current(database, url)


def test_a_schema_newer_than_the_program_is_told_as_such(empty_url: str) -> None:
    """Neither is the upgrade recommended, which cannot help, nor does it end in a traceback."""
    upgrade(empty_url)
    change(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    for look in (start, upgrade):
        with pytest.raises(StartupError, match=r"found 9999, .* a newer version") as raised:
            look(empty_url)
        assert "db upgrade" not in str(raised.value)
        assert "restore the backup" in str(raised.value)


def test_an_older_schema_is_to_be_upgraded(empty_url: str) -> None:
    """After a backup; the upgrade then does it."""
    alembic.command.upgrade(alembic_config(empty_url), OLDER)
    with pytest.raises(StartupError, match=rf"older {OLDER}; .*run `screening db upgrade`"):
        start(empty_url)
    upgrade(empty_url)
    start(empty_url)


def test_tables_without_a_revision_are_left_alone(empty_url: str) -> None:
    """They may be half a migration of an earlier version, or another program's."""
    change(empty_url, "CREATE TABLE instances (id INTEGER)")
    for look in (start, upgrade):
        with pytest.raises(StartupError, match="tables instances without a revision"):
            look(empty_url)


def test_two_revisions_are_a_migration_that_was_cut_short(empty_url: str) -> None:
    """No guess is made which of them is right."""
    upgrade(empty_url)
    change(empty_url, "INSERT INTO alembic_version VALUES ('0002')")
    for look in (start, upgrade):
        with pytest.raises(StartupError, match=f"expected one revision, found {OLDER}, "):
            look(empty_url)


def test_a_table_that_is_not_there_is_named_at_the_start(empty_url: str) -> None:
    """The revision is the newest, and yet the schema is not whole."""
    upgrade(empty_url)
    change(empty_url, "DROP TABLE breakers")
    with pytest.raises(StartupError, match="found none named breakers"):
        start(empty_url)


def test_a_migration_that_fails_has_changed_nothing(empty_url: str) -> None:
    """A table of the newest revision is there already: the upgrade says so, and undoes its part."""
    alembic.command.upgrade(alembic_config(empty_url), "0001")
    change(empty_url, "CREATE TABLE breakers (destination VARCHAR(32))")
    with pytest.raises(StartupError, match=r"breakers.* already exists"):
        upgrade(empty_url)
    with closing(Database(empty_url)) as database:
        assert "commitments" not in inspect(database.engine).get_table_names()


def test_upgrades_at_once_are_one(empty_url: str) -> None:
    """Stations that start together on an empty database migrate it once, and all of them start."""
    program = [sys.executable, "-m", "screening", "db", "upgrade"]
    environment = {**os.environ, "SCREENING_DATABASE_URL": empty_url}
    running = [subprocess.Popen(program, env=environment) for _ in range(4)]
    assert [one.wait(START_TIMEOUT_S) for one in running] == [0] * len(running)
    with closing(Database(empty_url)) as database:
        assert set(metadata().tables) <= set(inspect(database.engine).get_table_names())


def test_what_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A file of something else under the configured name."""
    other = tmp_path / "screening.db"
    other.write_bytes(b"a letter, not a database" * 100)
    for look in (start, upgrade):
        with pytest.raises(DatabaseUnavailableError, match="a file that is no SQLite database"):
            look(f"sqlite:///{other}")
    assert other.read_bytes() == b"a letter, not a database" * 100


def test_a_damaged_database_is_said_to_be_damaged(migrated_file: Path, tmp_path: Path) -> None:
    """By the start and by the upgrade, with what to do."""
    sound = migrated_file.read_bytes()
    damaged = tmp_path / "screening.db"
    damaged.write_bytes(sound[:100] + b"\xff" * 4000 + sound[4100:])
    for look in (start, upgrade):
        with pytest.raises(DatabaseUnavailableError, match=r"a damaged file .* restore it from"):
            look(f"sqlite:///{damaged}")
