"""How far the work has come, by the database, and whether all of it ended as it must."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from screening.db.tables.instances import Classification, Delivery
from screening.domain.lifecycle import DeliveryState, ReportState
from tests.faults.images import Objects
from tests.faults.installation import FINAL, Installation
from tests.faults.reckoning import kept_whole, read_rows, reckon

LOOK_S = 0.5
STALLED_S = 600
"""Without any progress; how long all of it takes depends on the machine."""
OPEN_DELIVERIES = (DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows of classifications, those that have ended, and work on reports that is left."""

    received: int
    finished: int
    reports_left: int

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do."""
        return self.received == self.finished and not self.reports_left


def progress(here: Installation) -> Progress:
    """Count."""
    with here.database.read() as session:
        states = select(Classification.state, func.count()).group_by(Classification.state)
        by_state = {row[0]: row[1] for row in session.execute(states)}
        due = select(func.count()).where(Classification.report_state == ReportState.DUE)
        open_ = select(func.count()).where(Delivery.state.in_(OPEN_DELIVERIES))
        left = session.execute(due).scalar_one() + session.execute(open_).scalar_one()
    return Progress(sum(by_state.values()), sum(by_state.get(one, 0) for one in FINAL), left)


def until_settled(here: Installation) -> Iterator[Progress]:
    """Yield how far the work is, now and again, the settled state last.

    Raises AssertionError where nothing moves any more.
    """
    last, moved = None, time.monotonic()
    while True:
        now = progress(here)
        yield now
        if now.is_settled:
            return
        if now != last:
            last, moved = now, time.monotonic()
        assert time.monotonic() - moved < STALLED_S, f"nothing moves for {STALLED_S} s: {now}"
        time.sleep(LOOK_S)


def lost_or_doubled(
    here: Installation, acknowledged: Iterable[str], studies: Iterable[Objects]
) -> list[str]:
    """Return in words which objects have no Success, are lost, or are doubled."""
    taken, wrong = set(acknowledged), []
    for study in studies:
        wrong += [f"{uid} was never taken" for uid in study.digests.keys() - taken]
        digests = {uid: sha256 for uid, sha256 in study.digests.items() if uid in taken}
        rows = read_rows(here.database, study.study_instance_uid)
        arrivals = [one for one in here.destination.arrivals if one.image_uid in digests]
        kept = kept_whole(here.spool, digests.values())
        found = reckon(digests, study.kind, rows, arrivals, kept)
        wrong += [f"lost {uid}: {why}" for uid, why in found.lost.items()]
        wrong += [f"doubled {uid}: {why}" for uid, why in found.doubled.items()]
    return wrong
