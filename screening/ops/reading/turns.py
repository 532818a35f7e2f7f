"""Whose turn it is at a study: its row, locked; how turns begin and end; and who may end them."""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_event
from screening.db.states import change_state, new_row
from screening.db.tables.columns import stands_at
from screening.db.tables.instances import Instance
from screening.db.tables.readings import LONGEST_READER, Reading
from screening.db.tables.studies import Study
from screening.domain.lifecycle import ReadingState
from screening.domain.reading import Actor, StudyReading
from screening.errors import DecisionRefusedError

RELOAD = "reload the page and look at it again"


def locked_study(session: Session, study_instance_uid: str, actor: Actor) -> Study:
    """Return a study's row and lock it for somebody who acts.

    Raises DecisionRefusedError where there is none, or they have no name.
    """
    if not 0 < len(actor.name) <= LONGEST_READER:
        raise DecisionRefusedError(
            f"expected a reader's name of 1 to {LONGEST_READER} characters, found none or a longer "
            "one; claims need readers who log in, so set SCREENING_WEB_AUTHENTICATION"
        )
    study = session.get(Study, study_instance_uid, with_for_update=True)
    if study is None:
        raise DecisionRefusedError(
            "expected a study that was received, found none with this Study Instance UID"
        )
    return study


def is_open() -> ColumnElement[bool]:
    """Return the condition that a reading is an open claim."""
    return stands_at(Reading.state, ReadingState.CLAIMED)


def open_claim(session: Session, study: Study) -> Reading | None:
    """Return a study's open claim, None where it has none."""
    of_study = Reading.study_instance_uid == study.study_instance_uid
    return session.scalar(select(Reading).where(of_study, is_open()))


def finished_reading(session: Session, study: Study) -> Reading:
    """Return the reading of a study that is read; raises DecisionRefusedError where it is not."""
    newest = (
        select(Reading)
        .where(Reading.study_instance_uid == study.study_instance_uid)
        .order_by(Reading.id.desc())
        .limit(1)
    )
    found = session.scalar(newest)
    if found is None or study.reading != StudyReading.READ:
        raise DecisionRefusedError(
            f"expected a study that is read, found one that is {study.reading}; {RELOAD}"
        )
    return found


def require_own(reading: Reading, name: str, actor: Actor) -> None:
    """Raise DecisionRefusedError where a reading is somebody else's; operators may end any.

    name: of whoever has claimed it, or read it.
    """
    if name != actor.name and not actor.may_end_others:
        word = "claimed" if reading.state == ReadingState.CLAIMED else "read"
        raise DecisionRefusedError(
            f"expected a study that you have {word}, found that {name} has; "
            "they or an operator may do this"
        )


def claimed_error(reading: Reading) -> DecisionRefusedError:
    """Return the error that tells who has claimed a study."""
    return DecisionRefusedError(
        f"the study was claimed by {reading.claimed_by} at "
        f"{reading.claimed_at:%Y-%m-%d %H:%M} UTC; ask them or an operator to release it"
    )


def begin_turn(session: Session, study: Study, actor: Actor) -> Reading:
    """Give a study, which is locked and unread, to somebody."""
    reading = new_row(
        Reading,
        ReadingState.CLAIMED,
        study_instance_uid=study.study_instance_uid,
        claimed_by=actor.name,
        claimed_at=shared_now(session),
        held_priority=study.priority,
        held_rank=study.rank,
        held_rule=study.priority_rule,
        held_score=study.priority_score,
    )
    session.add(reading)
    session.flush()
    add_event(session, "study_claimed", study_instance_uid=study.study_instance_uid, by=actor.name)
    return reading


def finish_turn(session: Session, study: Study, reading: Reading, actor: Actor) -> None:
    """Mark a study, which is locked, as read by somebody who has claimed it."""
    change_state(reading, ReadingState.READ)
    reading.read_by, reading.read_at = actor.name, shared_now(session)
    reading.newest_instance_id, reading.images = _newest_and_count(session, study)
    add_event(session, "study_read", study_instance_uid=study.study_instance_uid, by=actor.name)


def end_turn(session: Session, reading: Reading, actor: Actor) -> None:
    """End a turn without a reading, or take a reading back."""
    change_state(reading, ReadingState.RELEASED)
    reading.released_by, reading.released_at = actor.name, shared_now(session)


def _newest_and_count(session: Session, study: Study) -> tuple[int, int]:
    """Return the newest image in no conflict, 0 where there is none, and how many there are."""
    found = session.execute(
        select(func.coalesce(func.max(Instance.id), 0), func.count()).where(
            Instance.study_instance_uid == study.study_instance_uid,
            Instance.conflicting.is_(False),
        )
    ).one()
    return found[0], found[1]
