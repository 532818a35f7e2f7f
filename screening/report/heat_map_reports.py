"""Make the pictures of heat-maps, once these are computed; nothing else waits for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_instance_event
from screening.db.heat_maps import heat_maps_of
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.columns import stands_at
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Classification, Report
from screening.delivery.routing import Routing
from screening.domain.backoff import BACKOFFS, Retried
from screening.domain.failures import MAX_ATTEMPTS
from screening.domain.heat_map import no_heat_map_in_words
from screening.domain.lifecycle import HeatMapState, ReportState
from screening.errors import DatabaseUnavailableError, ScreeningError
from screening.logs import get_logger
from screening.report.due_report import detach
from screening.report.outbox import build, chosen_destinations, record_made, without_heat_maps
from screening.spool.store import Spool
from screening.work.queues import HEAT_MAP_REPORTS

PICTURES_AT_ONCE = 16
_IS_COMPUTED = stands_at(HeatMaps.state, HeatMapState.MADE, HeatMapState.FAILED)
log = get_logger()


def any_pictures_due(database: Database) -> bool:
    """Return whether a picture of heat-maps is to be made now."""
    with database.read() as session:
        return HEAT_MAP_REPORTS.is_due(session, shared_now(session), _IS_COMPUTED)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What pictures of heat-maps are made with, and for whom."""

    database: Database
    spool: Spool
    destinations: Mapping[str, str]
    """Rendering by name; those whose rendering needs no heat-maps get none."""
    routing: Routing
    """It chooses among them."""
    zone: tzinfo | None = None
    """Of the site, for dates; None: the machine's."""


def make_due_pictures(pictures: Pictures) -> int:
    """Make the pictures of up to PICTURES_AT_ONCE results; return how many were finished.

    Where the heat-maps failed, none is made, and the event says why.
    Raises DatabaseUnavailableError.
    """
    with pictures.database.read() as session:
        due = HEAT_MAP_REPORTS.due(
            session, shared_now(session), _IS_COMPUTED, limit=PICTURES_AT_ONCE
        )
        ids = [row.classification_id for row in due]
    return sum(_finish(pictures, one) for one in ids)


def _finish(pictures: Pictures, classification_id: int) -> bool:
    try:
        return _make(pictures, classification_id)
    except DatabaseUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  one picture's fault must not hold up the others
        reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
        log.warning("heat_map_picture_not_made", reason=reason)
        _record_failure(pictures.database, classification_id, reason)
        return True


def _make(pictures: Pictures, classification_id: int) -> bool:
    """Return whether it was settled; it is not while the other reports are to be made first."""
    destinations = pictures.destinations
    with pictures.database.read() as session:
        result = session.get_one(Classification, classification_id)
        maps = heat_maps_of(session, classification_id)
        failed = no_heat_map_in_words(maps.reason) if maps and not maps.maps else ""
        due = detach(session, result)
        chosen = chosen_destinations(
            session, classification_id, destinations, pictures.routing
        ).reasons
    plain = without_heat_maps(destinations)
    wanted = {name: destinations[name] for name in chosen if name not in plain}
    documents = {} if failed else build(due, pictures.spool, set(wanted.values()), pictures.zone)
    with pictures.database.write() as session:
        row = session.get_one(Classification, classification_id, with_for_update=True)
        maps = _due(session, classification_id)
        if maps is None:
            return True
        if row.stands_since is None:
            change_state(maps, ReportState.NONE)
        elif row.report_state != ReportState.MADE or row.report_revision != due.content.revision:
            return False
        elif failed:
            _give_up(session, maps, failed)
        else:
            made = _made(session, row)
            new = {profile: one for profile, one in documents.items() if profile not in made}
            record_made(session, row, due, new, wanted)
            change_state(maps, ReportState.MADE)
    return True


def _made(session: Session, row: Classification) -> set[str]:
    """Return the renderings of the reports that are there, such as by `deliveries add`."""
    there = select(Report.profile).filter_by(classification_id=row.id, revision=row.report_revision)
    return set(session.scalars(there))


def _due(session: Session, classification_id: int) -> HeatMaps | None:
    maps = heat_maps_of(session, classification_id)
    return maps if maps is not None and maps.report_state == ReportState.DUE else None


def _record_failure(database: Database, classification_id: int, reason: str) -> None:
    with database.write() as session:
        session.get_one(Classification, classification_id, with_for_update=True)
        maps = _due(session, classification_id)
        if maps is None:
            return
        maps.report_attempts += 1
        if maps.report_attempts >= MAX_ATTEMPTS:
            _give_up(session, maps, reason)
            return
        wait_s = BACKOFFS[Retried.REPORT].wait_s(maps.report_attempts)
        maps.report_not_before = shared_now(session) + timedelta(seconds=wait_s)


def _give_up(session: Session, maps: HeatMaps, reason: str) -> None:
    change_state(maps, ReportState.FAILED)
    instance = maps.classification.instance
    add_instance_event(session, instance, "heat_map_picture_failed", reason=reason[:255])
