"""`screening worklist simulate`: what the reading order, and a cap on waiting, would change."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from screening.ops.simulation.readers import Readers, Staff
    from screening.ops.simulation.replay import QueuedStudy
    from screening.ops.simulation.waits import Comparison

DAY_HOURS = 24
ENOUGH_READ = 0.5
"""The least share of a site's studies that must be read for its own readings to be replayed."""


def simulate(  # noqa: PLR0917  Typer names each option
    arrivals: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Studies that arrive an hour, on average.")
    ] = 12,
    prevalence: Annotated[
        float, typer.Option(min=0, max=1, help="Share of studies with disease.")
    ] = 0.1,
    sensitivity: Annotated[
        float, typer.Option(min=0, max=1, help="Share of those that the ensemble finds.")
    ] = 0.9,
    specificity: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the others that it does not call.")
    ] = 0.8,
    days: Annotated[float, typer.Option(min=0.1, max=366, help="How long studies arrive.")] = 30,
    cap: Annotated[
        float | None,
        typer.Option(min=0.01, help="Hours to wait at most; by default as the settings say."),
    ] = None,
    site: Annotated[
        bool, typer.Option("--site", help="Replay this site's own studies of the last DAYS.")
    ] = False,
    readers: Annotated[int, typer.Option(min=1, max=100, help="Readers side by side.")] = 1,
    reading_minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="Minutes of a reading, on average.")
    ] = 4,
    hours: Annotated[
        str, typer.Option(metavar="FROM-TO", help="When readers work each day, in UTC.")
    ] = "0-24",
    seed: Annotated[int, typer.Option(help="The same seed gives the same studies.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the waits into an SVG file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare reading orders by how long studies wait.

    Replays one queue first come first served, by priority, and by priority with a cap on waiting.
    The queue is made up from the figures given, or this site's own (--site): with the readings that
    its readers recorded, or, where fewer than half of its studies are read, with --readers. In
    every order the k-th reading begins at the same time.

    Example: screening worklist simulate --arrivals 12 --prevalence 0.1 --cap 8 --plot waits.svg
    """
    from screening.ops.simulation.readers import Staff
    from screening.ops.simulation.synthetic import MADE_UP_GROUPS, Assumptions, made_up
    from screening.ops.simulation.waits import compare_orders
    from screening.settings import load_settings

    settings = load_settings()
    limit = timedelta(hours=cap) if cap is not None else settings.waiting_cap
    first, last = _from_and_to(hours)
    staff = Staff(readers, timedelta(minutes=reading_minutes), first, last, seed)
    groups: Sequence[str]
    ends_at: datetime | None = None
    if site:
        studies, reading, ends_at, groups, said = _history(days, staff)
    else:
        studies = made_up(Assumptions(arrivals, days, prevalence, sensitivity, specificity, seed))
        reading, groups = staff, MADE_UP_GROUPS
        said = f"{len(studies)} studies made up; {_load(arrivals, staff)}"
    if not studies:
        raise typer.BadParameter("expected studies in this time, found none; take more --days")
    found = compare_orders(studies, reading, limit, groups, ends_at)
    if plot is not None:
        from screening.ops.simulation.chart import drawn

        plot.write_text(drawn(found, "Studies that still wait for a reader"), encoding="utf-8")
    if as_json:
        _print_json(found, said)
    else:
        _print_tables(found, said, has_cap=limit is not None)


def _from_and_to(hours: str) -> tuple[float, float]:
    first, _, last = hours.partition("-")
    try:
        found = float(first), float(last)
    except ValueError:
        found = (0.0, 0.0)
    if not 0 <= found[0] < found[1] <= DAY_HOURS:
        raise typer.BadParameter(f"expected hours such as 8-18, found {hours}")
    return found


def _load(arrivals: float, staff: "Staff") -> str:
    share = arrivals / staff.per_hour
    words = f"readers are busy for {100 * share:.0f} % of their hours"
    return words if share < 1 else f"{words}: more studies come than they can read"


def _history(
    days: float, staff: "Staff"
) -> "tuple[Sequence[QueuedStudy], Readers, datetime | None, Sequence[str], str]":
    """Return the site's studies, who reads them, until when, their groups, and what to say."""
    from screening.cli.opened import opened_database
    from screening.db.clock import utc_now
    from screening.ops.simulation.history import SITE_GROUPS, read_history
    from screening.ops.simulation.readers import Recorded

    now = utc_now()
    with opened_database() as (_, database):
        found = read_history(database, now - timedelta(days=days))
    said = f"{len(found.studies)} studies of this site, {len(found.readings)} of them read"
    if len(found.readings) >= ENOUGH_READ * len(found.studies):
        return found.studies, Recorded(found.readings), now, SITE_GROUPS, f"{said}, as recorded"
    per_hour = len(found.studies) / (24 * days)
    return found.studies, staff, None, SITE_GROUPS, f"{said}; {_load(per_hour, staff)}"


def _print_json(found: "Comparison", said: str) -> None:
    from screening.cli.printing import print_json

    print_json(
        {
            "queue": said,
            "waits": [
                {
                    "order": order,
                    "group": group,
                    "studies": figures.studies,
                    "mean_s": round(figures.mean.total_seconds()),
                    "p95_s": round(figures.p95.total_seconds()),
                    "longest_s": round(figures.longest.total_seconds()),
                    "unread": figures.unread,
                }
                for (order, group), figures in found.figures.items()
            ],
        }
    )


def _print_tables(found: "Comparison", said: str, *, has_cap: bool) -> None:
    from screening.cli.printing import print_table

    print(said)
    print_table(
        "hours until reading begins",
        ("studies", "order", "number", "mean", "95 of 100 within", "longest", "unread"),
        (_row(found, group, order) for group in found.groups for order in found.orders),
    )
    if not has_cap:
        print("no cap: give --cap HOURS, or set SCREENING_WAITING_CAP_HOURS")


def _row(found: "Comparison", group: str, order: str) -> tuple[Any, ...]:
    figures = found.figures[order, group]
    times = (figures.mean, figures.p95, figures.longest)
    hours = (f"{time.total_seconds() / 3600:.2f}" for time in times)
    return (group, order, figures.studies, *hours, figures.unread or "")
