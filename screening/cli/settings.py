"""`screening settings`: what is in force, and where it comes from."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting with its value and origin.

    Passwords are masked.

    Example: screening settings
    """
    from screening.cli.printing import print_json, print_table
    from screening.settings import PREFIX, load_settings, settings_in_force, unknown_variables

    in_force = settings_in_force(load_settings())
    if as_json:
        print_json([asdict(setting) for setting in in_force])
    else:
        print_table(
            "settings",
            ("setting", "value", "origin", "meaning"),
            ((PREFIX + s.name.upper(), s.value, s.origin, s.meaning) for s in in_force),
        )
    for variable in unknown_variables():
        print(f"screening: {variable} is not a setting; is it misspelt?", file=sys.stderr)
