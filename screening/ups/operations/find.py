"""C-FIND: the steps that fulfil the keys, in the reading order. Source: PS3.4 CC.2.8.

However long the list is, a query looks at so many studies at most, and answers so many.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom.events import Event
from sqlalchemy import ColumnElement, select

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.domain.procedure_step import STEP_PRIORITIES, StepState, UpsStatus
from screening.imaging.quiet import quiet
from screening.ups.answers import Answer, RefusedError, decoded
from screening.ups.steps.attributes import OF_CONTENT, Terms, step_data_set
from screening.ups.steps.content import Content, read_content
from screening.ups.steps.matching import (
    IllegalKeyError,
    answered,
    check,
    has_unsupported,
    keys_of,
    matches,
    texts,
)
from screening.ups.steps.turns import STUDIES_A_QUERY, Step, current_steps, named_steps, tell
from screening.worklist.studies.ordering import ReadingPriority, WorklistPage, read_worklist
from screening.worklist.studies.places import STARTS
from screening.worklist.studies.read_studies import read_finished

MOST_MATCHES = 1000
"""Of one query; of more, these are answered, and then 0xA700."""
MOST_LOOKED_AT = 20_000
"""Studies that one query looks at."""
ALWAYS_ANSWERED = ("SOPClassUID", "SOPInstanceUID")
_WILD = ("*", "?")


class Finder:
    """Answers queries from one database."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def find(self, event: Event) -> Iterator[Answer]:
        """Yield the matches of a query. Raises RefusedError and DatabaseUnavailableError."""
        identifier = decoded(lambda: event.identifier, UpsStatus.IDENTIFIER_DOES_NOT_MATCH)
        keys = keys_of(identifier)
        with quiet():
            try:
                check(keys)
            except IllegalKeyError as error:
                raise RefusedError(
                    UpsStatus.IDENTIFIER_DOES_NOT_MATCH, f"{error} has no legal value"
                ) from None
        looked_at = found = 0
        for steps in self._candidates(identifier):
            looked_at += len(steps)
            for status, data_set in self._matching(steps, keys):
                found += 1
                if found > MOST_MATCHES:
                    raise RefusedError(UpsStatus.OUT_OF_RESOURCES)
                yield status, data_set
            if looked_at >= MOST_LOOKED_AT:
                raise RefusedError(UpsStatus.OUT_OF_RESOURCES)

    def _matching(self, steps: Sequence[Step], keys: Sequence[DataElement]) -> list[Answer]:
        needs_content = any(key.keyword in OF_CONTENT for key in keys)
        contents: Mapping[str, Content] = {}
        if needs_content:
            with self._database.read() as session:
                contents = read_content(session, [one.entry.study_instance_uid for one in steps])
        with quiet():
            made = [
                (
                    step,
                    step_data_set(step, self._terms, contents.get(step.entry.study_instance_uid)),
                )
                for step in steps
            ]
            fitting = [(step, data_set) for step, data_set in made if matches(data_set, keys)]
            answers = [_answer(data_set, keys) for _, data_set in fitting]
        tell(self._database, [step for step, _ in fitting])
        return answers

    def _candidates(self, identifier: Dataset) -> Iterator[list[Step]]:
        """Yield the steps that may match: those that keys name by an index, else the list."""
        if uids := _values(identifier, "SOPInstanceUID"):
            for some in _batches(uids):
                with self._database.read() as session:
                    yield named_steps(session, some)
            return
        if named := _values(identifier, "StudyInstanceUID"):
            yield from self._of_studies(named)
        elif (condition := _indexed(identifier)) is not None:
            yield from self._of_studies(self._studies_with(condition))
        else:
            yield from self._listed(identifier)

    def _of_studies(self, studies: Iterable[str]) -> Iterator[list[Step]]:
        for some in _batches(dict.fromkeys(studies)):
            with self._database.read() as session:
                yield current_steps(session, some)

    def _studies_with(self, condition: ColumnElement[bool]) -> Sequence[str]:
        """Return the studies that have an image like this, the newest first."""
        uids = select(Instance.study_instance_uid).where(condition)
        with self._database.read() as session:
            newest = uids.order_by(Instance.id.desc()).limit(MOST_LOOKED_AT)
            return session.scalars(newest).all()

    def _listed(self, identifier: Dataset) -> Iterator[list[Step]]:
        states = set(_values(identifier, "ProcedureStepState"))
        if not states or states & {StepState.SCHEDULED, StepState.IN_PROGRESS}:
            yield from self._unread(identifier)
        if not states or StepState.COMPLETED in states:
            yield from self._read()

    def _unread(self, identifier: Dataset) -> Iterator[list[Step]]:
        ranks = _ranks(identifier) if self._terms.waiting_cap is None else range(0)
        after = STARTS[list(ReadingPriority)[ranks.start]] if ranks else None
        while True:
            page = self._page(after, self._terms.waiting_cap)
            yield self._steps_on(page)
            last = page.entries[-1] if page.entries else None
            passed = last is not None and ranks and _rank(last.priority) not in ranks
            after = page.next_cursor
            if after is None or passed:
                return

    def _page(self, after: str | None, cap: timedelta | None) -> WorklistPage:
        return read_worklist(self._database, limit=STUDIES_A_QUERY, after=after, cap=cap)

    def _read(self) -> Iterator[list[Step]]:
        before = None
        while True:
            page = read_finished(self._database, limit=STUDIES_A_QUERY, before=before)
            yield self._steps_on(page)
            before = page.next_cursor
            if before is None:
                return

    def _steps_on(self, page: WorklistPage) -> list[Step]:
        with self._database.read() as session:
            return current_steps(session, [one.study_instance_uid for one in page.entries])


def _batches(uids: Iterable[str]) -> Iterator[list[str]]:
    left = iter(uids)
    while some := list(islice(left, STUDIES_A_QUERY)):
        yield some


def _answer(data_set: Dataset, keys: Sequence[DataElement]) -> Answer:
    made = answered(data_set, keys)
    for keyword in ("SpecificCharacterSet", *ALWAYS_ANSWERED):
        if keyword in data_set:
            setattr(made, keyword, data_set.get(keyword))
    unsupported = has_unsupported(data_set, keys)
    return UpsStatus.PENDING_KEYS_NOT_SUPPORTED if unsupported else UpsStatus.PENDING, made


def _values(identifier: Dataset, keyword: str) -> list[str]:
    """Return the values that a key names, none where it has wild cards."""
    found = texts(identifier[keyword]) if keyword in identifier else []
    return [] if any(sign in value for value in found for sign in _WILD) else found


def _indexed(identifier: Dataset) -> ColumnElement[bool] | None:
    """Return the condition of a key that an index of the images has."""
    if patients := _values(identifier, "PatientID"):
        return Instance.patient_id.in_(patients)
    request: Any = identifier.get("ReferencedRequestSequence") or [Dataset()]
    if numbers := _values(request[0], "AccessionNumber"):
        return Instance.accession_number.in_(numbers)
    if named := _values(request[0], "StudyInstanceUID"):
        return Instance.study_instance_uid.in_(named)
    return None


def _ranks(identifier: Dataset) -> range:
    """Return the ranks of the priorities that are asked for, from the first to the last."""
    wanted = set(_values(identifier, "ScheduledProcedureStepPriority"))
    found = [
        rank for rank, priority in enumerate(ReadingPriority) if STEP_PRIORITIES[priority] in wanted
    ]
    return range(found[0], found[-1] + 1) if found else range(0)


def _rank(priority: ReadingPriority) -> int:
    return list(ReadingPriority).index(priority)
