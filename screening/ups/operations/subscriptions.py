"""N-ACTION Subscribe, Unsubscribe and Suspend Global Subscription. Source: PS3.4 CC.2.3."""

from collections.abc import Collection
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.events import Event
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.event_mark import newest_mark
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.tables.procedure_steps import ProcedureStep, StepSubscription, StepWatch
from screening.domain.procedure_step import (
    FILTERED_GLOBAL_SUBSCRIPTION,
    GLOBAL_SUBSCRIPTION,
    EventType,
    UpsStatus,
)
from screening.logs import get_logger
from screening.ups.answers import Answer, RefusedError, decoded
from screening.ups.steps.attributes import Terms, step_data_set
from screening.ups.steps.matching import IllegalKeyError, check, keys_of
from screening.ups.steps.turns import named_steps
from screening.ups.watching.events import state_information
from screening.ups.watching.reports import add_reports
from screening.ups.watching.watch import newest_event
from screening.ups.watching.watchers import read_watchers

GLOBAL = (GLOBAL_SUBSCRIPTION, FILTERED_GLOBAL_SUBSCRIPTION)
NOT_KEYS = ("ReceivingAE", "DeletionLock", "SpecificCharacterSet")
MOST_SUBSCRIPTIONS = 10_000
"""Of one AE, to single steps."""
log = get_logger()


class Subscriber:
    """Takes subscriptions for AEs whose address is known."""

    def __init__(
        self, database: Database, terms: Terms, receiving_ae_titles: Collection[str]
    ) -> None:
        self._database = database
        self._terms = terms
        self._receiving_ae_titles = frozenset(receiving_ae_titles)

    def subscribe(self, event: Event) -> Answer:
        """Have an AE hear of a step, whose state it is told at once, or of every step from now on.

        Raises RefusedError and DatabaseUnavailableError.
        """
        information, title = self._asked(event)
        uid = str(event.request.RequestedSOPInstanceUID)
        lock = str(information.get("DeletionLock") or "").strip() == "TRUE"
        if uid in GLOBAL:
            self._subscribe_to_all(information, title, uid, lock=lock)
        else:
            with self._database.write() as session:
                _subscribe_to(session, uid, title, self._terms, lock=lock)
        log.info("ups_subscribed", receiving_ae_title=title, is_global=uid in GLOBAL)
        return UpsStatus.SUCCESS, None

    def unsubscribe(self, event: Event) -> Answer:
        """Have an AE hear nothing more of a step, or of any. Raises as `subscribe`."""
        _, title = self._asked(event)
        uid = str(event.request.RequestedSOPInstanceUID)
        its = StepSubscription.receiving_ae_title == title
        with self._database.write() as session:
            if uid in GLOBAL:
                session.execute(delete(StepSubscription).where(its))
            else:
                row = _row_of(session, title, _step_id(session, uid))
                row.wanted = row.deletion_lock = False
        log.info("ups_unsubscribed", receiving_ae_title=title, is_global=uid in GLOBAL)
        return UpsStatus.SUCCESS, None

    def suspend(self, event: Event) -> Answer:
        """Have an AE hear of no step that begins from now on. Raises as `subscribe`."""
        _, title = self._asked(event)
        if str(event.request.RequestedSOPInstanceUID) not in GLOBAL:
            raise RefusedError(UpsStatus.ACTION_NOT_APPROPRIATE)
        with self._database.write() as session:
            row = session.scalar(
                select(StepSubscription).where(
                    StepSubscription.receiving_ae_title == title,
                    StepSubscription.step_id.is_(None),
                )
            )
            if row is not None and row.last_step_id is None:
                newest = select(func.coalesce(func.max(ProcedureStep.id), 0))
                row.last_step_id = session.scalar(newest)
        return UpsStatus.SUCCESS, None

    def _asked(self, event: Event) -> tuple[Dataset, str]:
        information = decoded(lambda: event.action_information, UpsStatus.INVALID_ARGUMENT)
        title = str(information.get("ReceivingAE") or "").strip()
        if not title:
            raise RefusedError(UpsStatus.INVALID_ARGUMENT, "no Receiving AE")
        if title not in self._receiving_ae_titles:
            raise RefusedError(UpsStatus.RECEIVING_AE_UNKNOWN)
        return information, title

    def _subscribe_to_all(self, information: Dataset, title: str, uid: str, *, lock: bool) -> None:
        keys = _filter_of(information) if uid == FILTERED_GLOBAL_SUBSCRIPTION else None
        mark = newest_mark(self._database)
        with self._database.write() as session:
            _begin_watch(session, mark)
            row = _row_of(session, title, None)
            row.wanted, row.deletion_lock, row.keys, row.last_step_id = True, lock, keys, None


def _subscribe_to(session: Session, uid: str, title: str, terms: Terms, *, lock: bool) -> None:
    step_id = _step_id(session, uid)
    its = StepSubscription.receiving_ae_title == title
    if session.execute(select(func.count()).where(its)).scalar_one() >= MOST_SUBSCRIPTIONS:
        raise RefusedError(UpsStatus.RESOURCE_LIMITATION, "too many subscriptions of this AE")
    _begin_watch(session, "")
    row = _row_of(session, title, step_id)
    row.wanted, row.deletion_lock = True, lock
    [step] = named_steps(session, [uid])
    told, titles = session.get_one(ProcedureStep, step_id), {title}
    if told.told_state is None:  # others who watch it are told now, so that none hears it twice
        titles.update(
            read_watchers(session, [step_id]).of(step_id, lambda: step_data_set(step, terms))
        )
        told.told_state, told.told_readiness = step.state.value, step.readiness.value
        told.told_priority = step.priority.value
    add_reports(session, titles, step_id, EventType.STATE_REPORT, state_information(step))


def _filter_of(information: Dataset) -> dict[str, Any]:
    """Return the matching keys of a filtered subscription; refuse one with illegal values."""
    keys = Dataset()
    for element in information:
        if element.keyword not in NOT_KEYS:
            keys.add(element)
    try:
        check(keys_of(keys))
    except IllegalKeyError as error:
        raise RefusedError(UpsStatus.INVALID_ARGUMENT, f"{error} has no legal value") from None
    found: dict[str, Any] = keys.to_json_dict()
    return found


def _begin_watch(session: Session, mark: str) -> None:
    """Have the audit trail watched from here on, unless it is already."""
    newest = newest_event(session)
    first = {"event_id": newest, "first_event_id": newest, "mark": mark}
    session.execute(insert_or_nothing(session, StepWatch, id=1, **first))


def _step_id(session: Session, uid: str) -> int:
    found = session.scalar(select(ProcedureStep.id).where(ProcedureStep.sop_instance_uid == uid))
    if found is None:
        raise RefusedError(UpsStatus.NO_SUCH_STEP)
    return found


def _row_of(session: Session, title: str, step_id: int | None) -> StepSubscription:
    """Return an AE's subscription to a step, or to every step where None; it may be new."""
    values = {
        "receiving_ae_title": title,
        "step_id": step_id,
        "wanted": True,
        "deletion_lock": False,
        "subscribed_at": utc_now(),
    }
    session.execute(insert_or_nothing(session, StepSubscription, **values))
    is_its = StepSubscription.step_id == step_id if step_id else StepSubscription.step_id.is_(None)
    its = StepSubscription.receiving_ae_title == title
    return session.scalars(select(StepSubscription).where(its, is_its)).one()
