"""Reports for a destination that was not there when they were made.

It gets the report of each current result for which it has no delivery. The command may be repeated
at any time, be interrupted, or run twice at once: the unique constraint on report and destination,
and that on classification and profile, keep one of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, select
from sqlalchemy.orm import Session, aliased

from screening.db.clock import utc_now
from screening.db.derived.upkeep import NOTED, note_rows
from screening.db.events import add_instance_event
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification, Delivery, Instance, Report
from screening.delivery.routing import EVERY_RESULT_EVERYWHERE, Routing
from screening.domain.lifecycle import ClassificationState, Lane, ReportState
from screening.errors import ScreeningError, TransientError
from screening.logs import get_logger
from screening.report.outbox import make_late_report
from screening.report.routes import FACTS, facts_in, was_meant_for
from screening.spool.store import Spool

ROWS_A_TRANSACTION = 200
log = get_logger()


@dataclass(frozen=True, slots=True)
class LateReports:
    """What one destination does not have."""

    ready: tuple[int, ...]
    """Ids of reports in its profile."""
    to_make: tuple[int, ...]
    """Ids of classifications whose report in its profile is to be made first."""
    being_made: int
    """How many the report worker is about to make."""
    not_possible: int
    """How many cannot be made: the image was removed, or making them failed before."""
    not_routed: int = 0
    """How many the rules of the settings send elsewhere."""

    @property
    def to_send(self) -> int:
        """How many can be sent."""
        return len(self.ready) + len(self.to_make)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {
            "ready": len(self.ready),
            "to_make": len(self.to_make),
            "being_made": self.being_made,
            "not_possible": self.not_possible,
            "not_routed": self.not_routed,
        }


def find_late(
    database: Database,
    name: str,
    profile: str,
    since: datetime,
    routing: Routing = EVERY_RESULT_EVERYWHERE,
) -> LateReports:
    """Return what a destination does not have of the images received since then.

    routing: leaves out what its rules send elsewhere. Raises DatabaseUnavailableError.
    """
    ready: list[int] = []
    to_make: list[int] = []
    being_made = not_possible = not_routed = 0
    with database.read() as session:
        for row in session.execute(_lacking(name, profile, since)):
            holders = {name} if row.holds else set[str]()
            if name not in routing.choose(facts_in(row), [name], holders).reasons:
                not_routed += 1
            elif row.report_id is not None:
                ready.append(row.report_id)
            elif row.report_state == ReportState.DUE:
                being_made += 1
            elif row.report_state == ReportState.MADE and row.removing_since is None:
                to_make.append(row.id)
            else:
                not_possible += 1
    return LateReports(tuple(ready), tuple(to_make), being_made, not_possible, not_routed)


def add_ready(database: Database, name: str, report_ids: Sequence[int]) -> int:
    """Add a delivery for each of these reports in small transactions; return how many were new.

    Raises DatabaseUnavailableError; what was added till then stays.
    """
    added = 0
    for start in range(0, len(report_ids), ROWS_A_TRANSACTION):
        with database.write() as session:
            for report_id in report_ids[start : start + ROWS_A_TRANSACTION]:
                added += _add(session, session.get_one(Report, report_id), name)
    return added


def make_and_add(
    database: Database,
    spool: Spool,
    classification_id: int,
    *,
    name: str,
    profile: str,
    zone: tzinfo | None = None,
) -> str:
    """Make one report in the destination's profile with its delivery; return why not, or "".

    zone: of the site, for the report's dates; None: the machine's. Raises TransientError.
    """
    try:
        if not make_late_report(
            database, spool, classification_id, name=name, profile=profile, zone=zone
        ):
            add_ready(database, name, _reports(database, classification_id, profile))
    except TransientError:
        raise
    except OSError as error:
        return f"the image cannot be read ({error.strerror}): is the spool mounted here?"
    except Exception as error:  # one report's fault must not hold up the others
        known = isinstance(error, ScreeningError)
        log.warning(
            "report_not_made",
            classification_id=classification_id,
            reason=str(error) if known else type(error).__name__,
            exc_info=None if known else error,
        )
        return str(error) if known else f"an unexpected error ({type(error).__name__})"
    return ""


def _reports(database: Database, classification_id: int, profile: str) -> list[int]:
    """Return the report that somebody else has made meanwhile, in a list."""
    made = (
        select(Report.id)
        .join(Classification)
        .where(_is_newest(Report), Report.profile == profile)
        .where(Classification.id == classification_id, Classification.stands_since.is_not(None))
    )
    with database.read() as session:
        return list(session.scalars(made))


def _lacking(name: str, profile: str, since: datetime) -> Select[Any]:
    """Select the results that stand, were received since then, and have no delivery there."""
    other = aliased(Report)
    has_delivery = exists().where(
        Delivery.report_id == other.id,
        Delivery.destination == name,
        _is_newest(other),
    )
    in_profile = and_(_is_newest(Report), Report.profile == profile)
    return (
        select(
            Classification.id,
            Classification.report_state,
            Instance.removing_since,
            Report.id.label("report_id"),
            was_meant_for(name).label("holds"),
            *FACTS,
        )
        .join(Instance, Instance.id == Classification.instance_id)
        .join(Bundle, Bundle.id == Classification.bundle_id)
        .outerjoin(Report, in_profile)
        .where(
            Classification.state == ClassificationState.CLASSIFIED,
            Classification.stands_since.is_not(None),
            Instance.received_at >= since,
            ~has_delivery,
        )
        .order_by(Classification.id)
    )


def _is_newest(report: type[Report]) -> ColumnElement[bool]:
    """Return the condition for reports of what stands now; a result may have older ones, too."""
    return and_(
        report.classification_id == Classification.id,
        report.revision == Classification.report_revision,
    )


def _add(session: Session, report: Report, name: str) -> int:
    statement = insert_or_nothing(
        session,
        Delivery,
        report_id=report.id,
        destination=name,
        lane=Lane.BACKFILL,
        created_at=utc_now(),
    )
    made = session.execute(statement.returning(Delivery.id), execution_options=NOTED)
    delivery_id = made.scalar_one_or_none()
    if delivery_id is None:
        return 0
    note_rows(session, Delivery, [delivery_id])
    instance = report.classification.instance
    add_instance_event(
        session,
        instance,
        "delivery_added",
        destination=name,
        report_sop_instance_uid=report.sop_instance_uid,
    )
    return 1
