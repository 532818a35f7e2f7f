"""Whose turn it is at a study: its row, locked, its claim, and who may end it."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from screening.db.tables.columns import stands_at
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
