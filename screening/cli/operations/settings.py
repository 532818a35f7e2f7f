"""`screening settings`: what is in force, and where it comes from."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from screening.settings import Settings


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting with its value and origin.

    Passwords are masked. The last line says whether the site has calibrated its bundle;
    `screening site calibration list --json` is for programs.

    Example: screening settings
    """
    from screening.cli.printing import print_json, print_table
    from screening.settings import PREFIX, load_settings, settings_in_force, unknown_variables

    loaded = load_settings()
    in_force = settings_in_force(loaded)
    if as_json:
        print_json([asdict(setting) for setting in in_force])
    else:
        print_table(
            "settings",
            ("setting", "value", "origin", "meaning"),
            ((PREFIX + s.name.upper(), s.value, s.origin, s.meaning) for s in in_force),
        )
        print(f"site calibration, in the database: {_calibration(loaded)}")
    for variable in unknown_variables():
        print(f"screening: {variable} is not a setting; is it misspelt?", file=sys.stderr)


def _calibration(settings: "Settings") -> str:
    """Return what is in force of the site's own calibrations, in words."""
    from sqlalchemy.engine import make_url

    from screening.cli.opened import opened_database
    from screening.db.calibration_state import calibration_state
    from screening.errors import ScreeningError

    unknown = "unknown, since the database cannot be read"
    url = make_url(settings.resolved_database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return unknown  # to look into it would make it
    try:
        with opened_database(settings) as (_, database):
            state = calibration_state(database)
    except ScreeningError:
        return unknown
    others = [] if state.covers_every_sender else ["not calibrated for this site"]
    void = [f"void since the bundle was changed: {name}" for name in state.names_void]
    return "; ".join([*state.names_in_force, *others, *void])
