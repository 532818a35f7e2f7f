"""`screening reprocess`: put a period through the active bundle again."""

from typing import Annotated

import typer

from screening.errors import BundleError


def reprocess(
    since: Annotated[
        str, typer.Option(metavar="T", help="Received since then: ISO date or time, or 7d, 12h.")
    ],
    until: Annotated[str | None, typer.Option(metavar="T", help="Received before then.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Classify the images of a period again.

    This runs after live work, and new results are reported. Images that the active bundle has
    finished are left out, but for scores with other grey levels than those in force: you may
    interrupt and repeat the command.

    Example: screening reprocess --since 7d --dry-run
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.cli.reading.lists import point_in_time
    from screening.cli.ringing import ring
    from screening.db.bundle_rows import active_bundle
    from screening.doorbell.names import Queue
    from screening.ops import reprocess as backfill

    start = point_in_time(since)
    end = point_in_time(until) if until else None
    with opened_database() as (settings, database):
        bundle = active_bundle(database)
        if bundle is None:
            raise BundleError(
                "expected an active bundle, found none; run `screening bundles activate`"
            )
        plan = backfill.plan(database, bundle, start, end)
        if as_json:
            print_json({**plan.as_dict(), "bundle": f"{bundle.name} {bundle.version}"})
        else:
            print(
                f"images received since {start.isoformat()}: {plan.received}; of these finished by "
                f"{bundle.name} {bundle.version}: {plan.done}, waiting: {plan.pending}, "
                f"removed by retention: {plan.removed}, to do: {plan.to_do}"
            )
        if dry_run or not plan.to_do:
            return
        if not yes:
            typer.confirm(f"Reprocess {plan.to_do} images?", abort=True, err=True)
        added = backfill.request(database, bundle, start, end)
        if not as_json:
            print(f"{added} images wait in the backfill lane")
        ring(settings, Queue.CLASSIFY)
