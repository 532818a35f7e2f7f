"""Open what a command needs: settings and a database with the current schema."""

from collections.abc import Iterator
from contextlib import contextmanager

from screening.db.session import Database
from screening.private_files import privately
from screening.settings import Settings, load_settings


@contextmanager
def opened_database(settings: Settings | None = None) -> Iterator[tuple[Settings, Database]]:
    """Yield the settings in force and a database; close it at the end.

    What the process writes meanwhile is its owner's alone.
    Raises StartupError where the schema is not current.
    """
    from screening.db.migrate import require_current

    settings = settings or load_settings()
    url = settings.resolved_database_url
    with privately():
        database = Database(url)
        try:
            require_current(database, url)
            yield settings, database
        finally:
            database.close()
