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

    Passwords are masked. The last line says whether the site has calibrated its bundle.

    Example: screening settings
    """
    from screening.cli.printing import print_json, print_table
    from screening.settings import PREFIX, load_settings, settings_in_force, unknown_variables

    loaded = load_settings()
    in_force, calibration = settings_in_force(loaded), _calibration(loaded)
    if as_json:
        print_json([*(asdict(setting) for setting in in_force), calibration])
    else:
        rows = ((PREFIX + s.name.upper(), s.value, s.origin, s.meaning) for s in in_force)
        print_table(
            "settings",
            ("setting", "value", "origin", "meaning"),
            [*rows, tuple(calibration.values())],
        )
    for variable in unknown_variables():
        print(f"screening: {variable} is not a setting; is it misspelt?", file=sys.stderr)


def _calibration(settings: "Settings") -> dict[str, str]:
    """Return what is in force of the site's own calibrations, as a line of the table."""
    from sqlalchemy.engine import make_url

    from screening.cli.opened import opened_database
    from screening.db.calibrations import calibration_state
    from screening.errors import DatabaseUnavailableError, ScreeningError

    url = make_url(settings.resolved_database_url)
    is_new = url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    try:
        if is_new:  # to look into it would make it
            raise DatabaseUnavailableError("expected a database, found none")
        with opened_database(settings) as (_, database):
            state = calibration_state(database)
    except ScreeningError:
        value = "unknown: the database cannot be read"
    else:
        others = [] if state.covers_every_sender else ["not calibrated for this site"]
        void = [f"void since the bundle was changed: {name}" for name in state.names_void]
        value = "; ".join([*state.names_in_force, *others, *void])
    return {
        "name": "site calibration",
        "value": value,
        "origin": "database",
        "meaning": "The site's own thresholds for the active bundle: `screening site calibration`.",
    }
