"""Bring the database to the newest schema with alembic, or say which one it has and what to do."""

from contextlib import closing
from pathlib import Path

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from screening.db.session import Database, driver_errors_as_ours
from screening.db.tables.schema import metadata
from screening.errors import StartupError

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"
_UPGRADE = "back the database up, and run `screening db upgrade`"
_RESTORE = "restore the backup from before, then run `screening db upgrade`"


def alembic_config(url: str) -> alembic.config.Config:
    """Return alembic's configuration for one database."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Migrate to head in one transaction; makes the SQLite file's folder where it is absent.

    Raises StartupError where the schema is newer than this version or no migration starts from it,
    and DatabaseUnavailableError where the database is away, read-only or damaged.
    """
    file = make_url(url).database if url.startswith("sqlite") else None
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    config = alembic_config(url)
    with closing(Database(url)) as database, database.read() as session:
        _require_known(session, _scripts(config))
    try:
        with driver_errors_as_ours():
            alembic.command.upgrade(config, "head")
    except DBAPIError as error:
        raise StartupError(
            f"database schema: expected the migration to succeed, found: {_first_line(error.orig)} "
            f"(nothing was changed); the tables are not those of their revision: {_RESTORE}"
        ) from error


def require_current(database: Database, url: str) -> None:
    """Raise StartupError unless the schema is the one this version needs.

    Raises DatabaseUnavailableError where the database is away.
    """
    scripts = _scripts(alembic_config(url))
    with database.read() as session:
        found = _require_known(session, scripts)
        missing = set(metadata().tables) - _tables(session)
    expected = scripts.get_current_head()
    if not found:
        raise StartupError(
            f"database schema: expected revision {expected}, found an empty database; "
            "run `screening db upgrade`"
        )
    if found != expected:
        raise StartupError(
            f"database schema: expected revision {expected}, found the older {found}; {_UPGRADE}"
        )
    if missing:
        raise StartupError(
            f"database schema: expected all tables of revision {expected}, found none named "
            f"{', '.join(sorted(missing))}; {_RESTORE}"
        )


def _require_known(session: Session, scripts: ScriptDirectory) -> str:
    """Return the revision, "" of an empty database.

    Raises StartupError where this version has no migration that starts from what is there.
    """
    found = MigrationContext.configure(session.connection()).get_current_heads()
    newest = scripts.get_current_head()
    if len(found) > 1:
        raise StartupError(
            f"database schema: expected one revision, found {', '.join(sorted(found))}; "
            f"a migration was cut short: {_RESTORE}"
        )
    if not found:
        if ours := _tables(session) & set(metadata().tables):
            raise StartupError(
                f"database schema: expected a revision or an empty database, found the tables "
                f"{', '.join(sorted(ours))} without a revision; a migration was cut short, or they "
                f"are another program's: {_RESTORE}, or name an empty database"
            )
        return ""
    [revision] = found
    if not _is_known(scripts, revision):
        raise StartupError(
            f"database schema: expected revision {newest} or older, found {revision}, which this "
            "version does not know: a newer version has upgraded this database; install that "
            "version, or restore the backup from before its upgrade"
        )
    return revision


def _is_known(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False


def _scripts(config: alembic.config.Config) -> ScriptDirectory:
    """Return the migrations; it loads each once."""
    return ScriptDirectory.from_config(config)


def _tables(session: Session) -> set[str]:
    return set(inspect(session.connection()).get_table_names())


def _first_line(error: BaseException | None) -> str:
    """Return what the database says, without the values in the lines below it."""
    return str(error).partition("\n")[0]
