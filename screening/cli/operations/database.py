"""`screening db`: the database's schema, and whether its standing figures are right."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Upgrade the database, check its figures.")


@app.command()
def upgrade() -> None:
    """Bring the database to the newest schema.

    Repeating it is safe.

    Example: screening db upgrade
    """
    from screening.db.migrate import upgrade as upgrade_schema
    from screening.private_files import privately
    from screening.settings import load_settings

    with privately():
        upgrade_schema(load_settings().resolved_database_url)
    print("the database has the newest schema")


@app.command()
def recount(
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct the figures; changes of state wait meanwhile.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count every row and compare the figures with them.

    The figures are those of worklist and ledger; the exit status is 1 if they differ. This
    takes about two minutes for a million studies. The stations may keep running.

    Example: screening db recount
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.db.recount import put_right
    from screening.db.recount import recount as count_again
    from screening.errors import ScreeningError

    with opened_database() as (_, database):
        if repair:
            put_right(database)
        found = count_again(database)
    if as_json:
        print_json(found.as_dict())
    elif found.agrees:
        print(f"{found.instances} instances of {found.studies} studies: all figures agree")
    if not found.agrees:
        raise ScreeningError(
            f"expected worklist and ledger to agree with the rows, found {found.differences}; "
            "please report this as a defect, then run `screening db recount --repair`"
        )
