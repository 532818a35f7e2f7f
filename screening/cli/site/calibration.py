"""`screening site calibration`: the site's calibrations, listed, shown, applied, rolled back."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from screening.errors import CalibrationError

NOT_CALIBRATED = "not calibrated for this site: the bundle's own thresholds are in force"

app = typer.Typer(no_args_is_help=True, help="Calibrations: list, show, apply, roll back.")

CallingAet = Annotated[
    str,
    typer.Option(
        metavar="A", help="Only for what this calling AE title sends; without it, the whole site."
    ),
]
DeriveSince = Annotated[
    str,
    typer.Option(
        metavar="T",
        help="Give what was received since then its new priority, without scoring it again.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_calibrations(as_json: AsJson = False) -> None:
    """List every calibration, and which are in force.

    Example: screening site calibration list
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.cli.site.tables import identity, state_of
    from screening.db.calibrations import active_calibrations, kept_calibrations

    with opened_database() as (_, database):
        kept = kept_calibrations(database)
        in_force = {one.id for one in active_calibrations(database).by_calling_ae_title.values()}
    if as_json:
        print_json([{**identity(one), "state": state_of(one, in_force)} for one in kept])
        return
    columns = ("calling AE title", "version", "state", "bundle", "made", "by", "studies", "sha256")
    rows = [
        (
            one.calling_ae_title or "the whole site",
            one.version,
            state_of(one, in_force),
            f"{one.document.bundle.name} {one.document.bundle.version}",
            f"{one.made_at:%Y-%m-%d %H:%M} UTC",
            one.made_by,
            one.document.sample.studies,
            one.sha256[:12],
        )
        for one in kept
    ]
    print_table("calibrations", columns, rows)
    if not in_force:
        print(NOT_CALIBRATED)


@app.command()
def show(
    calling_aet: CallingAet = "",
    version: Annotated[
        int | None, typer.Option(help="Which one; without it, the one in force.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the file, for `screening site calibration apply`.")
    ] = False,
) -> None:
    """Print a calibration.

    It has thresholds, what these were made from, and recalibrated probabilities.

    Example: screening site calibration show --calling-aet CR1
    """
    from screening.calibration.document import document_bytes
    from screening.cli.opened import opened_database
    from screening.cli.site.tables import print_document, state_of
    from screening.db.calibrations import active_calibrations, kept_calibrations

    with opened_database() as (_, database):
        in_force = active_calibrations(database).by_calling_ae_title
        kept = [one for one in kept_calibrations(database) if one.calling_ae_title == calling_aet]
    found = next((one for one in kept if one.version == version), in_force.get(calling_aet))
    if found is None or version not in {None, found.version}:
        raise CalibrationError(
            f"expected a calibration of {calling_aet or 'the whole site'}"
            f"{f', version {version}' if version else ' in force'}, found none; "
            "`screening site calibration list` lists all"
        )
    if as_json:
        print(document_bytes(found.document).decode(), end="")
        return
    print(f"{found.name}: {state_of(found, {one.id for one in in_force.values()})}")
    print_document(found.document)


@app.command()
def rollback(
    calling_aet: CallingAet = "", derive_since: DeriveSince = "24h", yes: Yes = False
) -> None:
    """Withdraw the calibration in force.

    The version before it is in force again. If there is none, the whole site's is, or the
    bundle's own thresholds are.

    Example: screening site calibration rollback --calling-aet CR1
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.cli.reading.lists import point_in_time
    from screening.cli.site.changes import active_or_refuse, derive_and_tell
    from screening.db.calibrations import active_calibrations, withdraw_newest

    from_then = point_in_time(derive_since)
    with opened_database() as (settings, database):
        bundle = active_or_refuse(database)
        found = active_calibrations(database).by_calling_ae_title.get(calling_aet)
        if found is not None and not yes:
            typer.confirm(f"Roll back {found.name}?", abort=True, err=True)
        gone = withdraw_newest(database, bundle, calling_aet, by=os_user())
        left = active_calibrations(database).of(calling_aet)
        print(f"{gone.name} is withdrawn; now: {left.name if left else NOT_CALIBRATED}")
        derive_and_tell(settings, database, bundle, from_then, told=sys.stdout)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A file that `screening site calibrate` wrote.")],
    derive_since: DeriveSince = "24h",
    yes: Yes = False,
) -> None:
    """Put a calibration from a file in force.

    It becomes a new version. The file must be of the active bundle. Use it to bring a
    calibration from a test system.

    Example: screening site calibration apply CR1-2.json
    """
    from screening.calibration.document import parse_document
    from screening.cli.opened import opened_database
    from screening.cli.reading.lists import point_in_time
    from screening.cli.site.changes import active_or_refuse, put_in_force_and_derive
    from screening.cli.site.tables import print_document

    from_then = point_in_time(derive_since)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CalibrationError(
            f"{file.name}: expected a file to read, found {error.strerror}. Nothing was applied"
        ) from None
    document = parse_document(content, file.name)
    with opened_database() as (settings, database):
        print_document(document)
        put_in_force_and_derive(
            settings,
            database,
            active_or_refuse(database),
            document,
            from_then,
            yes=yes,
            told=sys.stdout,
        )
