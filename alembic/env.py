"""alembic's environment: runs migrations on the URL the caller gave, else on the settings' own.

All that one call does is one transaction, on SQLite too: a migration that is cut short has changed
nothing, and of several at once the later ones find the work done.
"""

from alembic import context
from sqlalchemy import event, text

from screening.db.session import make_engine
from screening.db.tables.schema import metadata
from screening.settings import load_settings

MIGRATION_LOCK = 0x5C4EE41
url = context.config.attributes.get("url") or load_settings().resolved_database_url


def run_online() -> None:
    engine = make_engine(url)
    on_sqlite = engine.dialect.name == "sqlite"
    if on_sqlite:  # which alters a table by dropping it, and must not take what refers to it along
        event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA foreign_keys=OFF"))
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata(),
                render_as_batch=on_sqlite,
                compare_type=True,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                if not on_sqlite:
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    connection.execute(lock, {"key": MIGRATION_LOCK})
                context.run_migrations()
    finally:
        engine.dispose()


def run_offline() -> None:
    context.configure(url=url, target_metadata=metadata(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
