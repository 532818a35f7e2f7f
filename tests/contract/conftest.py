"""One empty database of the newest schema, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from screening.db.migrate import upgrade
from screening.db.recount import recount
from screening.db.session import Database
from screening.db.tables.schema import metadata
from screening.spool.store import Spool
from tests.rows.standing_results import add_bundles
from tests.services.servers import new_postgresql_database


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_url: str) -> str:
    """Return the URL of a PostgreSQL database of the newest schema, to be emptied."""
    url = new_postgresql_database(postgresql_url)
    upgrade(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def dialect(request: pytest.FixtureRequest) -> str:
    """Return each database system in turn."""
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Return the URL of a database without a schema."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'screening.db'}"
    return new_postgresql_database(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def database(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return an empty database of the newest schema; after the test its figures must agree."""
    if dialect == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "screening.db")
        url = f"sqlite:///{file}"
    else:
        url = request.getfixturevalue("migrated_postgresql")
        _empty(url)
    with closing(Database(url)) as made:
        yield made
        assert recount(made).agrees, f"studies or totals differ from the rows: {recount(made)}"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


@pytest.fixture
def bundle_id(database: Database) -> int:
    """Register the active bundle."""
    return add_bundles(database, "active")[0]


def _empty(url: str) -> None:
    tables = ", ".join(metadata().tables)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    engine.dispose()
