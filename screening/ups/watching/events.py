"""What AEs are told of steps: Event Information. Source: PS3.4 table CC.2.4-1."""

from pydicom.dataset import Dataset

from screening.domain.procedure_step import StepState
from screening.ups.steps.attributes import cancellation_of, progress_of
from screening.ups.steps.turns import Step


def state_information(step: Step) -> Dataset:
    """Return what a UPS State Report says of a step."""
    made = Dataset()
    made.InputReadinessState = step.readiness.value
    made.ProcedureStepState = step.state.value
    if step.state is StepState.CANCELED:
        made.update(cancellation_of(step))
    return made


def priority_information(step: Step) -> Dataset:
    """Return what a UPS Progress Report says of a step whose priority is another now."""
    item, made = Dataset(), Dataset()
    item.ProcedureStepProgressDescription = f"priority {step.priority.value}"
    made.ProcedureStepProgressInformationSequence = [item]
    return made


def progress_information(step: Step) -> Dataset:
    """Return what a UPS Progress Report says in the performer's words."""
    made = Dataset()
    made.ProcedureStepProgressInformationSequence = progress_of(step)
    return made
