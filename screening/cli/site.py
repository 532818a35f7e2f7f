"""`screening site`: calibrates the active bundle for the site, and shows and undoes that."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO
from urllib.parse import quote

import typer

from screening.cli.site_drift import drift
from screening.errors import BundleError, CalibrationError
from screening.whole_files import write_whole

if TYPE_CHECKING:
    from datetime import datetime

    from screening.calibration.document import CalibrationDocument
    from screening.db.bundle_rows import ActiveBundle
    from screening.db.session import Database
    from screening.ops.site_calibration.make import Made
    from screening.settings import Settings

NOT_CALIBRATED = "not calibrated for this site: the bundle's own thresholds are in force"
FOLDER = "calibrations"
"""Of the data folder, for the files."""

app = typer.Typer(no_args_is_help=True, help="The site's own calibration of the active bundle.")
calibration = typer.Typer(no_args_is_help=True, help="Calibrations: list, show, roll back, apply.")
app.add_typer(calibration, name="calibration")
app.command()(drift)

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


@app.command()
def calibrate(
    *,
    calling_aet: CallingAet = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="T", help="Learn from results received since: ISO date or time, 30d, 12h."
        ),
    ] = "30d",
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Labels: sop_instance_uid, study_instance_uid or accession_number, and class.",
        ),
    ] = None,
    alert_budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRIORITY=N",
            help="How many studies may be urgent, as a share or a day: STAT=5%,HIGH=8/day; "
            "without it and without labels STAT=5%,HIGH=15%,MEDIUM=30%.",
        ),
    ] = None,
    derive_since: DeriveSince = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, apply nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Calibrate the active bundle for this site.

    Without labels, thresholds are ranks among the site's own recent studies: you choose how
    many studies may be STAT and HIGH. With labels, the probabilities are recalibrated, and the
    bundle's thresholds hold for them unless you give a budget. At least 30 images are needed.

    Example: screening site calibrate --alert-budget STAT=4/day,HIGH=15% --dry-run
    """
    from screening.cli.lists import point_in_time
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.cli.site_drift import print_drift
    from screening.cli.site_tables import made_json, print_made
    from screening.drift.of_senders import read_drift

    start, from_then = point_in_time(since), point_in_time(derive_since)
    with opened_database() as (settings, database):
        bundle = _active(database)
        made = _made(
            database,
            bundle,
            calling_aet=calling_aet,
            since=start,
            labels=labels,
            alert_budget=alert_budget,
        )
        found = read_drift(database, settings, calling_aet or None)
        told = sys.stderr if as_json else sys.stdout
        if as_json:
            print_json({**made_json(made), "drift": [one.as_dict() for one in found]})
        else:
            print_drift(found)
            print_made(bundle, made)
        if dry_run:
            return
        _apply(settings, database, bundle, made.document, from_then, yes=yes, told=told)


@calibration.command(name="list")
def list_calibrations(as_json: AsJson = False) -> None:
    """List every calibration, and which are in force.

    Example: screening site calibration list
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.cli.site_tables import identity, state_of
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


@calibration.command()
def show(
    calling_aet: CallingAet = "",
    version: Annotated[
        int | None, typer.Option(help="Which one; without it, the one in force.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the file, for `screening site calibration apply`.")
    ] = False,
) -> None:
    """Print a calibration: thresholds, what it was made from, recalibration.

    Example: screening site calibration show --calling-aet CR1
    """
    from screening.calibration.document import document_bytes
    from screening.cli.opened import opened_database
    from screening.cli.site_tables import print_document, state_of
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


@calibration.command()
def rollback(
    calling_aet: CallingAet = "", derive_since: DeriveSince = "24h", yes: Yes = False
) -> None:
    """Withdraw the calibration in force; the version before it is in force again.

    If there is none, the whole site's is, or the bundle's own thresholds are.

    Example: screening site calibration rollback --calling-aet CR1
    """
    from screening.cli.lists import point_in_time
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.db.calibrations import active_calibrations, withdraw_newest

    from_then = point_in_time(derive_since)
    with opened_database() as (settings, database):
        bundle = _active(database)
        found = active_calibrations(database).by_calling_ae_title.get(calling_aet)
        if found is not None and not yes:
            typer.confirm(f"Roll back {found.name}?", abort=True, err=True)
        gone = withdraw_newest(database, bundle, calling_aet, by=os_user())
        left = active_calibrations(database).of(calling_aet)
        print(f"{gone.name} is withdrawn; now: {left.name if left else NOT_CALIBRATED}")
        _derive(settings, database, bundle, from_then, told=sys.stdout)


@calibration.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A file that `screening site calibrate` wrote.")],
    derive_since: DeriveSince = "24h",
    yes: Yes = False,
) -> None:
    """Put a calibration from a file in force, as a new version.

    The file must be of the active bundle. Use it to bring a calibration from a test system.

    Example: screening site calibration apply CR1-2.json
    """
    from screening.calibration.document import parse_document
    from screening.cli.lists import point_in_time
    from screening.cli.opened import opened_database
    from screening.cli.site_tables import print_document

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
        _apply(settings, database, _active(database), document, from_then, yes=yes, told=sys.stdout)


def _active(database: "Database") -> "ActiveBundle":
    from screening.db.bundle_rows import active_bundle

    bundle = active_bundle(database)
    if bundle is None:
        raise BundleError("expected an active bundle, found none; run `screening bundles activate`")
    return bundle


def _made(
    database: "Database",
    bundle: "ActiveBundle",
    *,
    calling_aet: str,
    since: "datetime",
    labels: Path | None,
    alert_budget: list[str] | None,
) -> "Made":
    from screening.calibration.labels import read_labels
    from screening.db.clock import utc_now
    from screening.ops.site_calibration.budgets import USUAL, parse_budget
    from screening.ops.site_calibration.derive_again import rules_of
    from screening.ops.site_calibration.labelled import labelled_studies
    from screening.ops.site_calibration.make import Request, make_calibration, require_enough
    from screening.ops.site_calibration.sample import scored_images, studies_per_day

    file = read_labels(labels) if labels else None
    every = scored_images(database, bundle.id)
    images = [
        one
        for one in every
        if one.received_at >= since and calling_aet in {"", one.calling_ae_title}
    ]
    require_enough(images, calling_aet)
    labelled = labelled_studies(database, file, every=every, chosen=images) if file else None
    budget_texts = alert_budget or ([] if file else [USUAL])
    try:
        budget = parse_budget(budget_texts, studies_per_day(images)) if budget_texts else None
    except ValueError as error:
        raise CalibrationError(f"{error}. Nothing was applied") from None
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    request = Request(bundle, rules, calling_aet, budget, utc_now())
    return make_calibration(request, images, labelled)


def _apply(
    settings: "Settings",
    database: "Database",
    bundle: "ActiveBundle",
    document: "CalibrationDocument",
    since: "datetime",
    *,
    yes: bool,
    told: TextIO,
) -> None:
    """Put a calibration in force, and say so in `told`; ask before, unless `yes`."""
    from screening.calibration.document import document_bytes
    from screening.cli.person import os_user
    from screening.db.calibrations import put_in_force
    from screening.ops.site_calibration.derive_again import count_to_derive

    if not yes:
        waiting = count_to_derive(database, bundle, since)
        typer.confirm(
            f"Put it in force, and derive the priorities of {waiting} images again?",
            abort=True,
            err=True,
        )
    kept = put_in_force(database, bundle, document, by=os_user())
    name = f"{quote(kept.calling_ae_title, safe='') or 'site'}-{kept.version}.json"
    path = settings.data_dir / FOLDER / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, document_bytes(document))
        where = f"its file is {path}"
    except OSError as error:
        where = (
            f"its file {path} could not be written ({error.strerror}); `screening site calibration "
            "show --json` prints it"
        )
    print(f"{kept.name} is in force; {where}", file=told)
    _derive(settings, database, bundle, since, told=told)


def _derive(
    settings: "Settings",
    database: "Database",
    bundle: "ActiveBundle",
    since: "datetime",
    *,
    told: TextIO,
) -> None:
    from screening.cli.ringing import ring
    from screening.doorbell.names import Queue
    from screening.ops.site_calibration.derive_again import derive_again

    done = derive_again(database, bundle, since)
    print(
        f"{done.results} images received since {since.isoformat(timespec='minutes')} have their "
        f"priority by what is in force now; it changed for {done.changed}, whose reports are "
        "issued again",
        file=told,
    )
    if done.changed:
        ring(settings, Queue.REPORT)
