"""alembic's environment: runs migrations on the URL the caller gave, else on the settings' own."""

from alembic import context
from sqlalchemy import create_engine

from screening.db.schema import metadata
from screening.settings import load_settings

url = context.config.attributes.get("url") or load_settings().resolved_database_url


def run_online() -> None:
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata(),
            render_as_batch=engine.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def run_offline() -> None:
    context.configure(url=url, target_metadata=metadata(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
