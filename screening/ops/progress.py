"""Progress of a set of instances: what still waits, and what failed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.domain.failures import FAILURE_POLICIES
from screening.domain.lifecycle import ClassificationState, DeliveryState, ReportState

UIDS_A_QUERY = 500
_WAITING = [ClassificationState.RECEIVED, ClassificationState.CLAIMED]
_OPEN = [DeliveryState.PENDING, DeliveryState.SENDING]
_OUR_FAULT = [reason for reason, how in FAILURE_POLICIES.items() if not how.object_at_fault]


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts; `settled` when nothing waits any more."""

    classifications_waiting: int = 0
    reports_waiting: int = 0
    deliveries_waiting: int = 0
    failed_unexpectedly: int = 0
    parked: int = 0

    @property
    def waiting(self) -> int:
        """Everything that is not settled yet."""
        return self.classifications_waiting + self.reports_waiting + self.deliveries_waiting

    @property
    def troubled(self) -> int:
        """What ended otherwise than a sound system and a reachable destination would end it."""
        return self.failed_unexpectedly + self.parked

    def __add__(self, other: "Progress") -> "Progress":
        return Progress(
            self.classifications_waiting + other.classifications_waiting,
            self.reports_waiting + other.reports_waiting,
            self.deliveries_waiting + other.deliveries_waiting,
            self.failed_unexpectedly + other.failed_unexpectedly,
            self.parked + other.parked,
        )


def read_progress(
    database: Database, destinations: Collection[str], uids: Collection[str] | None = None
) -> Progress:
    """Count what waits among the instances of these SOP Instance UIDs; None: among all.

    destinations: only deliveries to these count as waiting.
    """
    if uids is None:
        scopes: Iterator[ColumnElement[bool]] = iter([true()])
    else:
        scopes = (Instance.sop_instance_uid.in_(some) for some in _chunks(uids))
    with database.read() as session:
        return sum((_count(session, scope, destinations) for scope in scopes), Progress())


def _chunks(uids: Collection[str]) -> Iterator[list[str]]:
    left = iter(uids)
    while some := list(islice(left, UIDS_A_QUERY)):
        yield some


def _count(session: Session, scope: ColumnElement[bool], destinations: Collection[str]) -> Progress:
    def classifications(*which: ColumnElement[bool]) -> int:
        rows = select(func.count()).select_from(Classification).join(Instance)
        return session.execute(rows.where(scope, *which)).scalar_one()

    def deliveries(*which: ColumnElement[bool]) -> int:
        rows = select(func.count()).select_from(Delivery).join(Report)
        rows = rows.join(Classification).join(Instance)
        return session.execute(rows.where(scope, *which)).scalar_one()

    return Progress(
        classifications_waiting=classifications(Classification.state.in_(_WAITING)),
        reports_waiting=classifications(Classification.report_state == ReportState.DUE),
        deliveries_waiting=deliveries(
            Delivery.state.in_(_OPEN), Delivery.destination.in_(destinations)
        ),
        failed_unexpectedly=classifications(
            Classification.state == ClassificationState.FAILED,
            Classification.reason.in_(_OUR_FAULT),
        )
        + classifications(Classification.report_state == ReportState.FAILED),
        parked=deliveries(Delivery.state == DeliveryState.PARKED),
    )
