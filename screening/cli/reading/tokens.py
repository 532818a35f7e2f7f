"""`screening tokens`: by what programs identify themselves to the REST interface."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from screening.domain.roles import Role

app = typer.Typer(no_args_is_help=True, help="Tokens of programs: create, list, revoke.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the program, such as ris.")]


@app.command()
def create(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the program may do.")],
    expires: Annotated[
        str | None,
        typer.Option(metavar="T", help="Valid until then: ISO date or time, or 90d. [always]"),
    ] = None,
) -> None:
    """Create a token and print it, this once.

    A monitor sees results without patients, a viewer sees what readers see, a reader also claims
    studies and marks them read, an operator also ends others' claims.

    Example: screening tokens create ris --role reader --expires 365d
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.worklist.access.tokens import create_token

    expires_at = _expiry(expires) if expires else None
    with opened_database() as (_, database):
        token = create_token(database, name, role, by=os_user(), expires_at=expires_at)
    until = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "until it is revoked"
    print(
        f"{name} may do what a {role} does {until}. This is the token; it is not shown again:",
        file=sys.stderr,
    )
    print(token)


@app.command(name="list")
def list_tokens(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the tokens and when each was last used.

    Revoked and expired ones are among them.

    Example: screening tokens list
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.db.clock import utc_now
    from screening.worklist.access.tokens import read_tokens

    with opened_database() as (_, database):
        found = read_tokens(database)
    now = utc_now()
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "role": one.role,
                    "state": one.state(now),
                    "created_at": one.created_at,
                    "created_by": one.created_by,
                    "expires_at": one.expires_at,
                    "last_used_at": one.last_used_at,
                    "revoked_at": one.revoked_at,
                }
                for one in found
            ]
        )
        return
    print_table(
        "tokens",
        ("name", "role", "state", "created (UTC)", "by", "expires (UTC)", "last used (UTC)"),
        (
            (
                one.name,
                one.role,
                one.state(now),
                _moment(one.created_at),
                one.created_by,
                _moment(one.expires_at) if one.expires_at else "never",
                _moment(one.last_used_at) if one.last_used_at else "never",
            )
            for one in found
        ),
    )


@app.command()
def revoke(name: Name) -> None:
    """Revoke a program's token.

    Its next request is refused. Another one may be created under the name then.

    Example: screening tokens revoke ris
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.worklist.access.tokens import revoke_token

    with opened_database() as (_, database):
        revoke_token(database, name, by=os_user())
    print(f"the token of {name} is revoked")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _expiry(text: str) -> datetime:
    """Return the time to come that a text names, or end the command saying what was expected."""
    from screening.db.clock import utc_now
    from screening.ops.since import parse_until

    try:
        return parse_until(text, utc_now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
