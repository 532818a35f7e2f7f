"""Which procedure steps there are, and how they stand: each is a turn at reading a study.

A study's first step comes with the study. The next one begins when a turn has ended and the study
is to be read again: its claim was released, or images came after it was read.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from screening.db.insert import insert_rows_unless_there
from screening.db.session import Database
from screening.db.tables.procedure_steps import ProcedureStep
from screening.db.tables.readings import Reading
from screening.db.tables.studies import Study
from screening.delivery.uids import derived_uid
from screening.domain.lifecycle import ReadingState
from screening.domain.procedure_step import (
    FINAL_STATES,
    STEP_PRIORITIES,
    Readiness,
    StepPriority,
    StepState,
    Transaction,
)
from screening.domain.reading import StudyReading
from screening.worklist.studies.ordering import WorklistEntry, entry_of

STUDIES_A_QUERY = 200
READER_PREFIX = "AE "
"""What a claim by UPS is under, before the calling AE title. No user's name has a blank."""
_STUDIES = Study.__table__


def reader_name(calling_ae_title: str) -> str:
    """Return the name under which an AE claims."""
    return READER_PREFIX + calling_ae_title


def step_uid(study_instance_uid: str, after_reading_id: int) -> str:
    """Return the SOP Instance UID of a turn at a study, the same for as long as it is told."""
    return derived_uid("procedure-step", study_instance_uid, str(after_reading_id))


@dataclass(frozen=True, slots=True)
class Step:
    """One procedure step as it stands."""

    entry: WorklistEntry
    """Its study."""
    after_reading_id: int
    """The study's last reading before this turn, 0 for the first."""
    reading: Row[Any] | None
    """Of this turn: a row of `readings`; None where nobody has claimed it."""
    told: Row[Any] | None = None
    """Its row of `procedure_steps`; None where no peer was told of it."""

    @property
    def sop_instance_uid(self) -> str:
        """Its SOP Instance UID."""
        return step_uid(self.entry.study_instance_uid, self.after_reading_id)

    @property
    def state(self) -> StepState:
        """Its Procedure Step State."""
        return state_of(self.reading)

    @property
    def priority(self) -> StepPriority:
        """Its Scheduled Procedure Step Priority."""
        return STEP_PRIORITIES[self.entry.priority]

    @property
    def readiness(self) -> Readiness:
        """Its Input Readiness State."""
        return Readiness.INCOMPLETE if self.entry.pending else Readiness.READY


def state_of(reading: Reading | Row[Any] | None) -> StepState:
    """Return the state of a turn with this reading; one that was read stays COMPLETED."""
    if reading is None:
        return StepState.SCHEDULED
    if reading.read_at is not None:
        return StepState.COMPLETED
    is_claimed = reading.state == ReadingState.CLAIMED
    return StepState.IN_PROGRESS if is_claimed else StepState.CANCELED


def holder_of(row: ProcedureStep | Row[Any] | None) -> Transaction | None:
    """Return who claimed a step by UPS; None where nobody has."""
    if row is None or row.transaction_uid is None:
        return None
    return Transaction(row.calling_ae_title or "", row.transaction_uid)


def current_steps(session: Session, studies: Collection[str]) -> list[Step]:
    """Return the step of each of these studies that counts now, in the order given.

    studies: at most STUDIES_A_QUERY Study Instance UIDs; one that is unknown has no step.
    """
    readings = _readings(session, studies)  # before the studies, so that none is taken for newer
    entries = _entries(session, studies)
    steps = [
        _step(entries[uid], readings[uid], _after(entries[uid], readings[uid]))
        for uid in studies
        if uid in entries
    ]
    told = _told(session, [step.sop_instance_uid for step in steps])
    return [
        Step(step.entry, step.after_reading_id, step.reading, told.get(step.sop_instance_uid))
        for step in steps
    ]


def named_steps(session: Session, sop_instance_uids: Collection[str]) -> list[Step]:
    """Return the steps with these UIDs that a peer was told of, also those that have ended."""
    told = _told(session, sop_instance_uids)
    studies = {row.study_instance_uid for row in told.values()}
    readings, entries = _readings(session, studies), _entries(session, studies)
    return [
        Step(
            entries[row.study_instance_uid],
            row.after_reading_id,
            turn_of(readings[row.study_instance_uid], row.after_reading_id),
            row,
        )
        for row in told.values()
        if row.study_instance_uid in entries
    ]


def tell(database: Database, steps: Sequence[Step]) -> None:
    """Remember these steps, so that a peer may name them. Raises DatabaseUnavailableError."""
    new = [step for step in steps if step.told is None]
    if new:
        with database.write() as session:
            remember(session, new)


def remember(session: Session, steps: Sequence[Step]) -> None:
    """Add the rows of steps that peers are told of, where they are not there yet.

    Of one that is over by then, no change is reported.
    """
    rows = [
        {
            "sop_instance_uid": step.sop_instance_uid,
            "study_instance_uid": step.entry.study_instance_uid,
            "after_reading_id": step.after_reading_id,
            "told_state": step.state.value if step.state in FINAL_STATES else None,
        }
        for step in steps
    ]
    if rows:
        insert_rows_unless_there(session, ProcedureStep, rows)


def turn_of(readings: Sequence[Row[Any]], after_reading_id: int) -> Row[Any] | None:
    """Return the reading of a turn, of all of its study in their order."""
    return next((one for one in readings if one.id > after_reading_id), None)


def _step(entry: WorklistEntry, readings: Sequence[Row[Any]], after: int) -> Step:
    return Step(entry, after, turn_of(readings, after))


def _after(entry: WorklistEntry, readings: Sequence[Row[Any]]) -> int:
    """Return the reading after which the turn comes that counts now."""
    if not readings:
        return 0
    newest = readings[-1]
    stands = newest.state == ReadingState.READ and entry.reading is StudyReading.READ
    if newest.state == ReadingState.CLAIMED or stands:
        return int(readings[-2].id) if len(readings) > 1 else 0
    return int(newest.id)


def _readings(session: Session, studies: Collection[str]) -> Mapping[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    table = Reading.__table__
    rows = select(table).where(table.c.study_instance_uid.in_(studies)).order_by(table.c.id)
    for row in session.execute(rows):
        found[row.study_instance_uid].append(row)
    return found


def _entries(session: Session, studies: Collection[str]) -> dict[str, WorklistEntry]:
    rows = session.execute(select(_STUDIES).where(_STUDIES.c.study_instance_uid.in_(studies)))
    return {row.study_instance_uid: entry_of(row, None) for row in rows}


def _told(session: Session, uids: Collection[str]) -> dict[str, Row[Any]]:
    table = ProcedureStep.__table__
    rows = session.execute(select(table).where(table.c.sop_instance_uid.in_(uids)))
    return {row.sop_instance_uid: row for row in rows}
