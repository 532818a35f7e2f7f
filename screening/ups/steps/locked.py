"""A step whose study is locked, for whoever changes it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.tables.procedure_steps import ProcedureStep
from screening.db.tables.readings import Reading
from screening.db.tables.studies import Study
from screening.domain.procedure_step import StepState, UpsStatus
from screening.domain.reading import Actor
from screening.errors import DecisionRefusedError
from screening.ops.reading.turns import locked_study
from screening.ups.answers import RefusedError
from screening.ups.steps.turns import reader_name, state_of


@dataclass(frozen=True, slots=True)
class LockedStep:
    """A step that nobody else changes meanwhile."""

    row: ProcedureStep
    study: Study
    reading: Reading | None
    """Of its turn; None where nobody has claimed it."""
    actor: Actor
    """Who asks, as readers are named."""

    @property
    def state(self) -> StepState:
        """Its Procedure Step State."""
        return state_of(self.reading)


def locked_step(session: Session, sop_instance_uid: str, calling_ae_title: str) -> LockedStep:
    """Return a step with this UID and lock its study. Raises RefusedError where there is none."""
    named = select(ProcedureStep).where(ProcedureStep.sop_instance_uid == sop_instance_uid)
    row, actor = session.scalar(named), Actor(reader_name(calling_ae_title))
    if row is None:
        raise RefusedError(UpsStatus.NO_SUCH_STEP)
    try:
        study = locked_study(session, row.study_instance_uid, actor)
    except DecisionRefusedError:
        raise RefusedError(UpsStatus.NO_SUCH_STEP) from None
    session.refresh(row)  # as it is under the lock
    of_turn = (
        select(Reading)
        .where(
            Reading.study_instance_uid == row.study_instance_uid,
            Reading.id > row.after_reading_id,
        )
        .order_by(Reading.id)
        .limit(1)
    )
    return LockedStep(row, study, session.scalar(of_turn), actor)
