"""Show what happens while `screening up` runs, or wait until nothing is left to happen."""

import time
from collections.abc import Callable, Collection
from typing import NoReturn

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from screening.cli.printing import console
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.errors import TransientError
from screening.ops.progress import read_progress
from screening.settings import Settings

POLL_S = 0.5
NO_PROGRESS_TIMEOUT_S = 600
"""A destination that is down may hold its reports back; `--once` does not wait for ever."""
SHOWN_DETAIL = ("priority", "reason", "destination", "status", "message", "bundle")
SHOWN_KINDS = (
    "instance_received",
    "instance_repeated",
    "instance_conflicted",
    "instance_refused",
    "instance_classified",
    "instance_not_applicable",
    "classification_retried",
    "classification_failed",
    "report_failed",
    "delivery_delivered",
    "delivery_retried",
    "delivery_parked",
)


def follow(database: Database, check: Callable[[], None]) -> NoReturn:
    """Print a line for each event, until interrupted; `check` may raise to end it."""
    with database.read() as session:
        last = session.scalar(select(func.max(Event.id))) or 0
    while True:
        check()
        try:
            last = _print_events_after(database, last)
        except TransientError as error:
            print(error)
        time.sleep(POLL_S)


def _print_events_after(database: Database, last: int) -> int:
    with database.read() as session:
        events = session.scalars(select(Event).where(Event.id > last).order_by(Event.id)).all()
        for event in events:
            if event.kind in SHOWN_KINDS:
                detail = " ".join(
                    f"{key}={event.detail[key]}" for key in SHOWN_DETAIL if event.detail.get(key)
                )
                what = event.kind.replace("_", " ")
                print(f"{event.at:%H:%M:%S} {what:25} {event.sop_instance_uid} {detail}")
        return events[-1].id if events else last


def wait_until_settled(
    settings: Settings,
    database: Database,
    uids: Collection[str] | None,
    check: Callable[[], None],
) -> bool:
    """Wait until the instances are final and their reports delivered, showing how far they are.

    uids: SOP Instance UIDs; None: all instances.
    Returns False where something failed unexpectedly, was parked, or stopped moving.
    """
    names = [one.name for one in settings.all_destinations]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]} to go"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(), transient=True) as bar:
        task = bar.add_task("screening", total=None, left="")
        fewest, since = None, time.monotonic()
        while True:
            check()
            now = read_progress(database, names, uids)
            if not now.waiting:
                return not now.troubled
            bar.update(task, left=now.waiting)
            if fewest is None or now.waiting < fewest:
                fewest, since = now.waiting, time.monotonic()
            elif time.monotonic() - since > NO_PROGRESS_TIMEOUT_S:
                print(
                    f"stopped: {now.waiting} items made no progress for {NO_PROGRESS_TIMEOUT_S} s"
                )
                return False
            time.sleep(POLL_S)
