"""What readers find in a study, beside what the system made of it."""

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance
from screening.db.tables.readings import Feedback, Reading
from screening.db.tables.studies import Study
from screening.db.tables.views import instance_results
from screening.domain.lifecycle import ClassificationState
from screening.domain.reading import Actor, Label, Opinion, agrees, called_class
from screening.domain.scores import CLASS_TITLES, Class
from screening.domain.triage import Priority
from screening.errors import DecisionRefusedError
from screening.ops.reading.turns import finished_reading, locked_study


def give_feedback(
    database: Database, study_instance_uid: str, actor: Actor, opinion: Opinion
) -> None:
    """Record what a reader found in a study that is read; of several the newest counts.

    Raises DecisionRefusedError where it is not read, or the class contradicts the answer;
    DatabaseUnavailableError.
    """
    with database.write() as session:
        study = locked_study(session, study_instance_uid, actor)
        record_feedback(session, study, finished_reading(session, study), actor, opinion)


def record_feedback(
    session: Session, study: Study, reading: Reading, actor: Actor, opinion: Opinion
) -> None:
    """Add feedback to a study whose lock is held; raises DecisionRefusedError as above."""
    result = _deciding_result(session, study)
    called = called_class(result.priority_rule) if result is not None else None
    label = _label_of(opinion, called)
    fits = agrees(label, called)
    if result is not None and opinion.agrees is not None and opinion.agrees != fits:
        made_of_it = CLASS_TITLES[called] if called else "neither disease"
        raise DecisionRefusedError(
            f"expected a class that fits the answer, found {label.replace('_', ' ')} from somebody "
            f"who {'agrees' if opinion.agrees else 'disagrees'}, where the system found "
            f"{made_of_it}; choose again"
        )
    session.add(
        Feedback(
            reading_id=reading.id,
            study_instance_uid=study.study_instance_uid,
            label=label,
            agrees=None if result is None else fits,
            classification_id=result.id if result is not None else None,
            bundle_id=result.bundle_id if result is not None else None,
            priority=study.priority,
            called=called,
            given_by=actor.name,
            given_at=shared_now(session),
        )
    )
    add_event(
        session,
        "feedback_given",
        study_instance_uid=study.study_instance_uid,
        by=actor.name,
        label=label.value,
        agrees=None if result is None else fits,
    )


def _label_of(opinion: Opinion, called: Class | None) -> Label:
    if opinion.label is not None:
        return opinion.label
    if not opinion.agrees or called is None:
        raise DecisionRefusedError("expected the class that you find, found none; choose one")
    return Label(called.value)


def _deciding_result(session: Session, study: Study) -> Classification | None:
    """Return the result that gives the study its priority: the most urgent image's."""
    standing = instance_results.c
    ranks = {priority.value: priority.rank for priority in Priority}
    return session.scalar(
        select(Classification)
        .join(instance_results, standing.classification_id == Classification.id)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(
            Instance.study_instance_uid == study.study_instance_uid,
            Classification.state == ClassificationState.CLASSIFIED,
        )
        .order_by(
            case(ranks, value=Classification.priority),
            Classification.priority_score.desc(),
            Classification.id,
        )
        .limit(1)
    )
