"""`screening users`: who may log in to the worklist page."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from screening.domain.roles import Role
from screening.errors import SettingsError

if TYPE_CHECKING:
    from screening.worklist.access.users import User


app = typer.Typer(no_args_is_help=True, help="Users of the worklist page: add, list, remove.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name.")]


@app.command()
def add(
    name: Name,
    role: Annotated[
        Literal["reader", "operator"], typer.Option(help="What the user may do.")
    ] = "reader",
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the password or role of an existing user.")
    ] = False,
) -> None:
    """Add a user.

    The command asks for the password, or reads it from standard input if that is a pipe. A user
    who is logged in under this name must log in again.

    Example: screening users add ann --role operator
    """
    from screening.settings import load_settings
    from screening.worklist.access.users import (
        User,
        check_name,
        check_password,
        hash_password,
        read_users,
        write_users,
    )

    path = load_settings().resolved_web_users_file
    users = read_users(path) if path.exists() else {}
    if check_name(name) in users and not replace:
        raise SettingsError(
            f"user: expected a new name, found {name} in {path}; --replace changes that user"
        )
    password = check_password(name, _password())
    users[name] = User(name, Role(role), hash_password(password))
    write_users(path, users.values())
    print(f"{name} may log in as {role}; {path}")


@app.command(name="list")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the users and their roles.

    Example: screening users list
    """
    from screening.cli.printing import print_json, print_table

    path, users = _users()
    if as_json:
        print_json([{"name": user.name, "role": user.role} for user in users.values()])
        return
    rows = ((user.name, user.role) for user in users.values())
    print_table(f"users in {path}", ("name", "role"), rows)


@app.command()
def remove(name: Name) -> None:
    """Remove a user.

    Their sessions end at once.

    Example: screening users remove ann
    """
    from screening.worklist.access.users import write_users

    path, users = _users()
    if name not in users:
        raise SettingsError(f"user: expected one of {path}, found none with that name")
    write_users(path, (user for user in users.values() if user.name != name))
    print(f"{name} may no longer log in")


def _users() -> "tuple[Path, dict[str, User]]":
    from screening.settings import load_settings
    from screening.worklist.access.users import read_users

    path = load_settings().resolved_web_users_file
    return path, read_users(path)


def _password() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    with suppress(UnicodeDecodeError):
        return sys.stdin.readline().rstrip("\r\n")
    raise SettingsError("password: expected UTF-8 text, found something else")
