"""N-SET: who has claimed a step says how it goes, and what came of it. Source: PS3.4 CC.2.6.

All else of a step follows from the images and their results, and is set by nobody.
"""

import json

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from screening.db.session import Database
from screening.domain.procedure_step import EventType, Transaction, UpsStatus, answer_to_set
from screening.ups.answers import Answer, RefusedError, decoded, title_of
from screening.ups.operations.change import uid_in
from screening.ups.steps.attributes import Terms, step_data_set
from screening.ups.steps.locked import locked_step
from screening.ups.steps.turns import holder_of, named_steps
from screening.ups.watching.events import progress_information
from screening.ups.watching.reports import add_reports
from screening.ups.watching.watchers import read_watchers

PROGRESS = "ProcedureStepProgressInformationSequence"
SETTABLE = (PROGRESS, "UnifiedProcedureStepPerformedProcedureSequence")
NOT_SET = frozenset({"TransactionUID", "SpecificCharacterSet", "TimezoneOffsetFromUTC"})
LARGEST_CHARACTERS = 1 << 16
"""Of what is kept for one step, as JSON."""


class Setter:
    """Takes what performers say of their steps."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def set(self, event: Event) -> Answer:
        """Keep what the performer says, and tell who watches the step of its progress.

        Raises RefusedError and DatabaseUnavailableError.
        """
        changes = decoded(lambda: event.modification_list, UpsStatus.INVALID_ARGUMENT)
        by = Transaction(title_of(event), uid_in(changes, "TransactionUID"))
        uid, said = str(event.request.RequestedSOPInstanceUID), _said(changes)
        with self._database.write() as session:
            step = locked_step(session, uid, by.calling_ae_title)
            status = answer_to_set(step.state, by, holder_of(step.row))
            if status is not UpsStatus.SUCCESS:
                raise RefusedError(status)
            performed = {**(step.row.performed or {}), **said.to_json_dict()}
            if len(json.dumps(performed)) > LARGEST_CHARACTERS:
                raise RefusedError(UpsStatus.RESOURCE_LIMITATION, "more than is kept for a step")
            step.row.performed = performed
            session.flush()
            if PROGRESS in said:
                [named] = named_steps(session, [uid])
                watchers = read_watchers(session, [step.row.id])
                titles = watchers.of(step.row.id, lambda: step_data_set(named, self._terms))
                told = progress_information(named)
                add_reports(session, titles, step.row.id, EventType.PROGRESS_REPORT, told)
        return UpsStatus.SUCCESS, None


def _said(changes: Dataset) -> Dataset:
    """Return what may be set; refuse what may not."""
    said = Dataset()
    for element in changes:
        if element.keyword in NOT_SET:
            continue
        if element.keyword not in SETTABLE:
            raise RefusedError(UpsStatus.NO_SUCH_ATTRIBUTE)
        said.add(element)
    return said
