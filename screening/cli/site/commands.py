"""`screening site`: calibrates the active bundle for the site, and tells its senders' drift."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from screening.cli.site.calibration import AsJson, CallingAet, DeriveSince, Yes
from screening.cli.site.calibration import app as calibration
from screening.cli.site.drift import drift
from screening.errors import CalibrationError

if TYPE_CHECKING:
    from datetime import datetime

    from screening.calibration.document import CalibrationDocument
    from screening.db.bundle_rows import ActiveBundle
    from screening.db.session import Database
    from screening.ops.site_calibration.make import Made
    from screening.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The site's own calibration of the active bundle.")
app.add_typer(calibration, name="calibration")
app.command()(drift)


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
    levels: Annotated[
        bool,
        typer.Option(
            "--levels",
            help="Draw the site's grey-level curve. The bundle's thresholds hold until you "
            "calibrate again, from scores with this curve.",
        ),
    ] = False,
    derive_since: DeriveSince = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, apply nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Calibrate the active bundle for this site.

    Without labels, thresholds are ranks among the site's own recent studies: you choose how
    many studies may be STAT and HIGH. With labels, the probabilities are recalibrated, and the
    bundle's thresholds hold for them unless you give a budget. At least 30 images are needed.

    With --levels, the grey levels of the site's images are brought to those of the training
    before images are scored. Ranks and labels then count scores with these levels alone: have
    the recent images scored again with `screening reprocess`, and calibrate.

    Example: screening site calibrate --alert-budget STAT=4/day,HIGH=15% --dry-run
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.cli.reading.lists import point_in_time
    from screening.cli.site.changes import active_or_refuse, put_in_force_and_derive
    from screening.cli.site.drift import print_drift
    from screening.cli.site.tables import made_json, print_document, print_made
    from screening.drift.of_senders import read_drift

    start, from_then = point_in_time(since), point_in_time(derive_since)
    if levels and (labels or alert_budget):
        raise typer.BadParameter(
            "expected --levels alone, found it with labels or a budget; draw the levels first, "
            "calibrate when images have been scored with them"
        )
    with opened_database() as (settings, database):
        bundle = active_or_refuse(database)
        if levels:
            document = _levels(settings, database, bundle, calling_aet=calling_aet, since=start)
            told = sys.stderr if as_json else sys.stdout
            if as_json:
                print_json({"calibration": document.model_dump(mode="json")})
            else:
                print_document(document)
            if not dry_run:
                put_in_force_and_derive(
                    settings, database, bundle, document, from_then, yes=yes, told=told
                )
            return
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
        put_in_force_and_derive(
            settings, database, bundle, made.document, from_then, yes=yes, told=told
        )


def _levels(
    settings: "Settings",
    database: "Database",
    bundle: "ActiveBundle",
    *,
    calling_aet: str,
    since: "datetime",
) -> "CalibrationDocument":
    from screening.bundles.reference import read_training_levels
    from screening.bundles.site import find_bundle
    from screening.db.clock import utc_now
    from screening.ops.site_calibration.derive_again import rules_of
    from screening.ops.site_calibration.grey_levels import image_levels, make_levels
    from screening.ops.site_calibration.make import Request

    training = read_training_levels(find_bundle(settings, bundle.digest))
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    request = Request(bundle, rules, calling_aet, None, utc_now())
    return make_levels(request, image_levels(database, bundle.id, since, calling_aet), training)


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
    from screening.db.calibrations import active_calibrations
    from screening.db.clock import utc_now
    from screening.ops.site_calibration.budgets import USUAL, parse_budget
    from screening.ops.site_calibration.derive_again import rules_of
    from screening.ops.site_calibration.labelled import labelled_studies
    from screening.ops.site_calibration.make import (
        Request,
        make_calibration,
        require_enough,
        with_grey_levels,
    )
    from screening.ops.site_calibration.sample import scored_images, studies_per_day

    file = read_labels(labels) if labels else None
    every = scored_images(database, bundle.id)
    of_sender = [
        one
        for one in every
        if one.received_at >= since and calling_aet in {"", one.calling_ae_title}
    ]
    kept = active_calibrations(database).of(calling_aet)
    grey_levels = kept.document.grey_levels if kept else None
    images = with_grey_levels(of_sender, grey_levels)
    require_enough(images, calling_aet, of_other_levels=len(of_sender) - len(images))
    labelled = labelled_studies(database, file, every=every, chosen=images) if file else None
    budget_texts = alert_budget or ([] if file else [USUAL])
    try:
        budget = parse_budget(budget_texts, studies_per_day(images)) if budget_texts else None
    except ValueError as error:
        raise CalibrationError(f"{error}. Nothing was applied") from None
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    request = Request(bundle, rules, calling_aet, budget, utc_now(), grey_levels)
    return make_calibration(request, images, labelled)
