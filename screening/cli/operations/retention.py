"""`screening retention`: remove images that nothing needs any more."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from screening.errors import SettingsError

if TYPE_CHECKING:
    from screening.ops.retention import Removal
    from screening.settings import Settings


def retention(
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="DAYS", help="Received before so many days; default: the setting."
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove the images; without this, count only.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove images from the spool that nothing needs.

    Their work must be done and their reports delivered. A destination that is set to confirm
    reports must have confirmed them. Rows and results remain. Without --apply the command
    counts only. You may interrupt and repeat it.

    Example: screening retention --older-than 90
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.db.clock import utc_now
    from screening.ops.retention import plan_removal, remove_images
    from screening.ops.retention_timer import committing_destinations
    from screening.spool.store import Spool

    with opened_database() as (settings, database):
        received_before = utc_now() - timedelta(days=_days(older_than, settings))
        committing = committing_destinations(settings)
        removal = plan_removal(database, received_before=received_before, committing=committing)
        if apply:
            if removal.images and not yes:
                _confirm(removal)
            done = remove_images(
                database,
                Spool(settings.spool_dir),
                received_before=received_before,
                committing=committing,
            )
            removal = replace(done, kept=removal.kept)
    if as_json:
        print_json({"applied": apply, **removal.as_dict()})
        return
    said = "removed" if apply else "would be removed with --apply"
    print(f"{removal.images} images, {removal.size_bytes / 2**20:.1f} MiB {said}")
    if removal.stuck:
        print(f"{removal.stuck} images are left for the next run: {removal.trouble}")
    if removal.kept:
        print_table("old enough, but kept", ("why", "images"), removal.kept.items())


def _confirm(removal: "Removal") -> None:
    size = f"{removal.size_bytes / 2**20:.1f} MiB"
    typer.confirm(f"Remove {removal.images} images ({size}) permanently?", abort=True, err=True)


def _days(older_than: float | None, settings: "Settings") -> float:
    days = settings.retention_days if older_than is None else older_than
    if days is None:
        raise SettingsError(
            "expected --older-than DAYS or SCREENING_RETENTION_DAYS, found neither; give one"
        )
    return days
