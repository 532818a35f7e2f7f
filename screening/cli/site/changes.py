"""Puts a calibration in force, and derives the priorities that follow from it."""

from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote

import typer

from screening.errors import BundleError
from screening.whole_files import write_whole

if TYPE_CHECKING:
    from datetime import datetime

    from screening.calibration.document import CalibrationDocument
    from screening.db.bundle_rows import ActiveBundle
    from screening.db.session import Database
    from screening.settings import Settings

FOLDER = "calibrations"
"""Of the data folder, for the files."""


def active_or_refuse(database: "Database") -> "ActiveBundle":
    """Return the active bundle; raise BundleError where there is none."""
    from screening.db.bundle_rows import active_bundle

    bundle = active_bundle(database)
    if bundle is None:
        raise BundleError("expected an active bundle, found none; run `screening bundles activate`")
    return bundle


def put_in_force_and_derive(
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
    derive_and_tell(settings, database, bundle, since, told=told)


def derive_and_tell(
    settings: "Settings",
    database: "Database",
    bundle: "ActiveBundle",
    since: "datetime",
    *,
    told: TextIO,
) -> None:
    """Give images received since then the priorities in force, and say how many in `told`."""
    from screening.cli.ringing import ring
    from screening.doorbell.names import Queue
    from screening.ops.site_calibration.derive_again import count_of_other_levels, derive_again

    done = derive_again(database, bundle, since)
    print(
        f"{done.results} images received since {since.isoformat(timespec='minutes')} have their "
        f"priority by what is in force now; it changed for {done.changed}, whose reports are "
        "issued again",
        file=told,
    )
    if others := count_of_other_levels(database, bundle, since):
        print(
            f"{others} images received since then keep their priority: they were scored with other "
            "grey levels than those in force; `screening reprocess` has them scored again",
            file=told,
        )
    if done.changed:
        ring(settings, Queue.REPORT)
