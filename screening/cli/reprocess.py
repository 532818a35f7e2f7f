"""`screening reprocess`: put a period through the active bundle again."""

from typing import Annotated

import typer

from screening.errors import BundleError


def reprocess(
    since: Annotated[
        str, typer.Option(metavar="T", help="Received since: ISO date or time, or 7d, 12h.")
    ],
    until: Annotated[str | None, typer.Option(metavar="T", help="And received before.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Classify the instances of a period again, behind live work, and report the new results.

    Instances the active bundle has finished are left alone, so it may be interrupted and repeated.

    Example: screening reprocess --since 7d --dry-run
    """
    from screening.cli.lists import point_in_time
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.cli.ringing import ring
    from screening.db.bundle_rows import active_bundle
    from screening.ops import reprocess as backfill
    from screening.queue.names import Queue

    start = point_in_time(since)
    end = point_in_time(until) if until else None
    with opened_database() as (settings, database):
        bundle = active_bundle(database)
        if bundle is None:
            raise BundleError("expected an active bundle, found none; `screening bundles activate`")
        plan = backfill.plan(database, bundle, start, end)
        if as_json:
            print_json({**plan.as_dict(), "bundle": f"{bundle.name} {bundle.version}"})
        else:
            print(
                f"received since {start.isoformat()}: {plan.received}, of which done by "
                f"{bundle.name} {bundle.version}: {plan.done}, waiting: {plan.pending}, "
                f"removed by retention: {plan.removed}, to do: {plan.to_do}"
            )
        if dry_run or not plan.to_do:
            return
        if not yes:
            typer.confirm(f"Reprocess {plan.to_do} instances?", abort=True, err=True)
        added = backfill.request(database, bundle, start, end)
        if not as_json:
            print(f"{added} instances wait in the backfill lane")
        ring(settings, Queue.CLASSIFY)
