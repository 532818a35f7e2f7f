"""Asks for the heat-maps of a result, and reads them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.events import add_instance_event
from screening.db.states import change_state
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Classification, Instance
from screening.domain.lifecycle import ClassificationState, HeatMapState, Lane, ReportState


def heat_maps_of(session: Session, classification_id: int) -> HeatMaps | None:
    """Return the row of a result's heat-maps, None where nobody has asked for them."""
    of_result = select(HeatMaps).where(HeatMaps.classification_id == classification_id)
    return session.scalars(of_result).first()


def scored_result(session: Session, sha256: str, *, locked: bool = False) -> Classification | None:
    """Return the current result of the image of this digest, None where it is no score."""
    statement = (
        select(Classification)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(Instance.sha256 == sha256, Classification.stands_since.is_not(None))
        .where(Classification.state == ClassificationState.CLASSIFIED)
        .order_by(Classification.id.desc())
    )
    return session.scalars(
        statement.with_for_update(of=Classification) if locked else statement
    ).first()


def ask_for_picture(session: Session, result: Classification) -> None:
    """Have a picture of a locked result's heat-maps made, once they are computed."""
    ask(session, result, lane=Lane.BACKFILL)
    session.flush()
    row = heat_maps_of(session, result.id)
    if row is not None and row.report_state != ReportState.DUE:
        change_state(row, ReportState.DUE)
        row.report_attempts, row.report_not_before = 0, None


def ask(session: Session, result: Classification, *, lane: Lane, by: str | None = None) -> None:
    """Have the heat-maps of a locked or new result computed, unless they are there.

    lane: live where somebody waits for them; then those that were due before come sooner, too.
    Those that failed are due again. by: the reader who asks; None: the program does.
    """
    row = heat_maps_of(session, result.id)
    if row is None:
        session.add(
            HeatMaps(classification_id=result.id, lane=lane, asked_by=by, asked_at=utc_now())
        )
    elif row.state == HeatMapState.FAILED:
        change_state(row, HeatMapState.DUE)
        row.lane, row.asked_by, row.asked_at = lane, by, utc_now()
        row.reason, row.attempts, row.not_before = None, 0, None
    elif row.state == HeatMapState.DUE and lane == Lane.LIVE and row.lane != lane:
        row.lane = lane
    else:
        return
    if lane == Lane.LIVE:
        detail = {"by": by} if by else {}
        add_instance_event(session, result.instance, "heat_maps_asked", **detail)


def forget(session: Session, result: Classification) -> None:
    """Drop the heat-maps of a locked result whose scores are other ones now."""
    row = heat_maps_of(session, result.id)
    if row is not None:
        session.delete(row)
        session.flush()
