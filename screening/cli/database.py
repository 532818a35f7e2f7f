"""`screening db`: the database's schema."""

import typer

from screening.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The database's schema.")


@app.callback()
def _group() -> None:
    """Keep `upgrade` a sub-command."""


@app.command()
def upgrade() -> None:
    """Bring the database to the newest schema; safe to repeat.

    Example: screening db upgrade
    """
    from screening.db.migrate import upgrade as upgrade_schema

    upgrade_schema(load_settings().resolved_database_url)
    print("the database has the newest schema")
