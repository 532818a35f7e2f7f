"""N-ACTION Change UPS State and Request UPS Cancel: claim, complete, cancel.

They are what readers do on the page: the same rows, under the same lock.
Source: PS3.4 CC.2.1 and CC.2.2.
"""

from collections.abc import Callable, Mapping

from pydicom.dataset import Dataset
from pynetdicom.events import Event
from sqlalchemy.orm import Session

from screening.db.events import add_event
from screening.db.session import Database
from screening.domain.instance import fault_of_uid
from screening.domain.procedure_step import (
    CANCEL_REQUESTS,
    EventType,
    StepState,
    Transaction,
    UpsStatus,
    answer_to_change,
)
from screening.domain.reading import StudyReading
from screening.logs import get_logger
from screening.ops.reading.turns import begin_turn, end_turn, finish_turn
from screening.ups.answers import Answer, RefusedError, decoded, title_of
from screening.ups.steps.attributes import Terms, step_data_set
from screening.ups.steps.locked import LockedStep, locked_step
from screening.ups.steps.turns import holder_of, named_steps
from screening.ups.watching.reports import add_reports
from screening.ups.watching.watchers import read_watchers

LONGEST_REASON = 64
"""Characters of Reason For Cancellation that are kept."""
FROM_THE_REQUEST = (
    "ReasonForCancellation",
    "ProcedureStepDiscontinuationReasonCodeSequence",
    "ContactURI",
    "ContactDisplayName",
)
"""What the performer is told of a request to cancel. Source: PS3.4 table CC.2.4-1."""
log = get_logger()


class Changer:
    """Changes steps in one database."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def change_state(self, event: Event) -> Answer:
        """Claim a step, complete or cancel it, and answer when the row is committed.

        Raises RefusedError and DatabaseUnavailableError.
        """
        information = decoded(lambda: event.action_information, UpsStatus.INVALID_ARGUMENT)
        asked = _asked_state(information)
        by = Transaction(title_of(event), uid_in(information, "TransactionUID"))
        uid = str(event.request.RequestedSOPInstanceUID)
        with self._database.write() as session:
            step = locked_step(session, uid, by.calling_ae_title)
            status = answer_to_change(asked, step.state, by, holder_of(step.row))
            if status is UpsStatus.SUCCESS:
                _ACTS[asked](session, step, by)
        if status is not UpsStatus.SUCCESS:
            raise RefusedError(status)
        log.info(
            "ups_state_changed",
            calling_ae_title=by.calling_ae_title,
            sop_instance_uid=uid,
            state=asked.value,
        )
        return status, None

    def request_cancel(self, event: Event) -> Answer:
        """Cancel a step that nobody has claimed; else tell those who watch it of the request.

        Raises RefusedError and DatabaseUnavailableError.
        """
        information = decoded(lambda: event.action_information, UpsStatus.INVALID_ARGUMENT)
        uid, title = str(event.request.RequestedSOPInstanceUID), title_of(event)
        with self._database.write() as session:
            step = locked_step(session, uid, title)
            status = CANCEL_REQUESTS[step.state]
            if status is UpsStatus.SUCCESS:
                self._cancel_or_tell(session, step, information, title)
        if status is not UpsStatus.SUCCESS:
            raise RefusedError(status)
        return status, None

    def _cancel_or_tell(
        self, session: Session, step: LockedStep, information: Dataset, calling_ae_title: str
    ) -> None:
        if step.state is StepState.SCHEDULED:
            reading = begin_turn(session, step.study, step.actor)
            step.row.reason = str(information.get("ReasonForCancellation") or "")[:LONGEST_REASON]
            begun = LockedStep(step.row, step.study, reading, step.actor)
            _cancel(session, begun, Transaction(calling_ae_title, ""))
            return
        [named] = named_steps(session, [step.row.sop_instance_uid])
        watchers = read_watchers(session, [step.row.id]).of(
            step.row.id, lambda: step_data_set(named, self._terms)
        )
        if holder_of(step.row) is None or not watchers:
            raise RefusedError(UpsStatus.PERFORMER_NOT_REACHED)
        told = Dataset()
        told.RequestingAE = calling_ae_title
        for keyword in FROM_THE_REQUEST:
            if keyword in information:
                setattr(told, keyword, information.get(keyword))
        add_reports(session, watchers, step.row.id, EventType.CANCEL_REQUESTED, told)


def uid_in(information: Dataset, keyword: str) -> str:
    """Return a UID of a data set, "" where there is none or it is not valid."""
    text = str(information.get(keyword) or "").strip(" \0")
    return "" if fault_of_uid(text) else text


def _asked_state(information: Dataset) -> StepState:
    try:
        return StepState(str(information.get("ProcedureStepState")))
    except ValueError:
        raise RefusedError(UpsStatus.INVALID_ARGUMENT, "no Procedure Step State") from None


def _claim(session: Session, step: LockedStep, by: Transaction) -> None:
    if step.study.reading != StudyReading.UNREAD:
        raise RefusedError(UpsStatus.NO_LONGER_UPDATED)
    begin_turn(session, step.study, step.actor)
    step.row.calling_ae_title = by.calling_ae_title
    step.row.transaction_uid = by.transaction_uid
    step.row.images_shown = step.study.instances


def _complete(session: Session, step: LockedStep, _: Transaction) -> None:
    if step.row.images_shown != step.study.instances:
        raise RefusedError(UpsStatus.FINAL_STATE_NOT_MET)
    if step.reading is not None:
        finish_turn(session, step.study, step.reading, step.actor)


def _cancel(session: Session, step: LockedStep, _: Transaction) -> None:
    if step.reading is not None:
        end_turn(session, step.reading, step.actor)
        add_event(
            session,
            "claim_released",
            study_instance_uid=step.study.study_instance_uid,
            by=step.actor.name,
            claimed_by=step.reading.claimed_by,
        )


_ACTS: Mapping[StepState, Callable[[Session, LockedStep, Transaction], None]] = {
    StepState.IN_PROGRESS: _claim,
    StepState.COMPLETED: _complete,
    StepState.CANCELED: _cancel,
}
