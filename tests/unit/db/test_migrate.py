"""A database that is away is said to be away, without a traceback."""

import pytest

from screening.db.migrate import require_current, upgrade
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError
from tests.services.servers import free_port


@pytest.fixture
def absent_url() -> str:
    """Return the URL of a PostgreSQL server that is not there."""
    return f"postgresql+psycopg://screening:hidden@127.0.0.1:{free_port()}/screening"


def test_a_migration_of_an_absent_database_says_so(absent_url: str) -> None:
    """`screening db upgrade` ends with one sentence that names no password."""
    with pytest.raises(DatabaseUnavailableError, match="expected the database") as raised:
        upgrade(absent_url)
    assert "hidden" not in str(raised.value)


def test_a_start_without_a_database_may_be_repeated(absent_url: str) -> None:
    """A station that finds no database ends as one to be started again, not as misconfigured."""
    database = Database(absent_url)
    with pytest.raises(DatabaseUnavailableError):
        require_current(database, absent_url)
    database.close()
