"""Bring the database to the newest schema with alembic."""

from pathlib import Path

import alembic.command
import alembic.config
import alembic.script
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from screening.db.session import Database
from screening.errors import DatabaseUnavailableError, StartupError

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"


def alembic_config(url: str) -> alembic.config.Config:
    """Return alembic's configuration for one database."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Migrate to head; makes the SQLite file's folder where it is absent.

    Raises DatabaseUnavailableError where the database is away.
    """
    file = make_url(url).database if url.startswith("sqlite") else None
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    try:
        alembic.command.upgrade(alembic_config(url), "head")
    except OperationalError as error:
        raise DatabaseUnavailableError(
            f"expected the database to take the newest schema, found: {error.orig}; "
            "see that it is up and that this user may change it"
        ) from error


def require_current(database: Database, url: str) -> None:
    """Raise StartupError unless the schema is the one this version needs.

    Raises DatabaseUnavailableError where the database is away.
    """
    expected = alembic.script.ScriptDirectory.from_config(alembic_config(url)).get_current_head()
    with database.read() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    if found != expected:
        raise StartupError(
            f"database schema: expected revision {expected}, found {found or 'none'}; "
            "run `screening db upgrade`"
        )
