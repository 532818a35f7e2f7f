"""Claim a study, read it, release it, put it back: each one transaction.

A study has one open claim at a time: of several who claim it at once the first has it, the others
are told who. Each act locks the study's row first, as everything does that changes it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.readings import Reading
from screening.db.tables.studies import Study
from screening.domain.reading import Actor, Opinion, StudyReading
from screening.errors import DecisionRefusedError
from screening.ops.reading.feedback import record_feedback
from screening.ops.reading.turns import (
    RELOAD,
    begin_turn,
    claimed_error,
    end_turn,
    finish_turn,
    finished_reading,
    is_open,
    locked_study,
    open_claim,
    require_own,
)

STUDIES_AT_ONCE = 100
"""Marked read in one transaction, so that nobody waits long for it."""


def claim_study(database: Database, study_instance_uid: str, actor: Actor) -> None:
    """Give a study to a reader, until they have read it or it is released.

    To have claimed it already is no error. Raises DecisionRefusedError where somebody else has, or
    where the study is unknown or read; DatabaseUnavailableError.
    """
    with database.write() as session:
        study = locked_study(session, study_instance_uid, actor)
        claimed = open_claim(session, study)
        if claimed is not None:
            if claimed.claimed_by != actor.name:
                raise claimed_error(claimed)
            return
        if study.reading == StudyReading.READ:
            raise DecisionRefusedError(
                f"expected an unread study, found that {study.reader} has read it; {RELOAD}"
            )
        begin_turn(session, study, actor)


def release_claim(database: Database, study_instance_uid: str, actor: Actor) -> str:
    """End a claim, so that others may have the study; return whose it was.

    Raises DecisionRefusedError where there is none, or it is another's and the actor may not
    release it; DatabaseUnavailableError.
    """
    with database.write() as session:
        study = locked_study(session, study_instance_uid, actor)
        reading = open_claim(session, study)
        if reading is None:
            raise DecisionRefusedError(f"expected a claimed study, found no claim; {RELOAD}")
        require_own(reading, reading.claimed_by, actor)
        end_turn(session, reading, actor)
        add_event(
            session,
            "claim_released",
            study_instance_uid=study_instance_uid,
            by=actor.name,
            claimed_by=reading.claimed_by,
        )
        return reading.claimed_by


def mark_read(
    database: Database,
    study_instance_uid: str,
    actor: Actor,
    *,
    images_seen: int,
    opinion: Opinion | None = None,
) -> None:
    """Take a study off the list, as read by somebody, who may say what they found.

    A study that nobody has claimed is claimed by whoever reads it. images_seen: how many images
    the study had on the page that they looked at. Raises DecisionRefusedError where it has others
    by now, somebody else has claimed it, or it is read already; DatabaseUnavailableError.
    """
    with database.write() as session:
        study = locked_study(session, study_instance_uid, actor)
        reading = open_claim(session, study)
        if reading is not None and reading.claimed_by != actor.name:
            raise claimed_error(reading)
        if study.reading == StudyReading.READ:
            raise DecisionRefusedError(f"the study was marked read by {study.reader} already")
        if study.instances != images_seen:
            raise DecisionRefusedError(
                f"expected the {images_seen} images that you were shown, found {study.instances}; "
                f"{RELOAD} before you mark it read"
            )
        reading = reading or begin_turn(session, study, actor)
        finish_turn(session, study, reading, actor)
        if opinion is not None:
            record_feedback(session, study, reading, actor, opinion)


def take_back(database: Database, study_instance_uid: str, actor: Actor) -> None:
    """Put a study that was marked read by mistake back on the list; its feedback stands.

    Raises DecisionRefusedError where it is not read, or was read by somebody else and the actor is
    no operator; DatabaseUnavailableError.
    """
    with database.write() as session:
        reading = finished_reading(session, locked_study(session, study_instance_uid, actor))
        require_own(reading, str(reading.read_by), actor)
        end_turn(session, reading, actor)
        add_event(
            session, "reading_taken_back", study_instance_uid=study_instance_uid, by=actor.name
        )


def mark_read_before(
    database: Database, received_before: datetime, actor: Actor, *, limit: int = STUDIES_AT_ONCE
) -> int:
    """Mark up to `limit` unread studies as read that arrived before then; return how many.

    One transaction; 0 where none is left. Studies that somebody has claimed stay as they are.
    Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        old = (
            select(Study.study_instance_uid)
            .where(Study.received_at < received_before, Study.reading == StudyReading.UNREAD)
            .order_by(Study.received_at, Study.study_instance_uid)
            .limit(limit)
        )
        uids = sorted(session.scalars(old))
        studies = [locked_study(session, uid, actor) for uid in uids]
        unread = [one for one in studies if one.reading == StudyReading.UNREAD]
        for study in unread:
            finish_turn(session, study, begin_turn(session, study, actor), actor)
    return len(unread)


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """A study that somebody has claimed and not read yet."""

    study_instance_uid: str
    claimed_by: str
    claimed_at: datetime
    priority: str


def open_claims(database: Database) -> list[OpenClaim]:
    """Return the open claims, the oldest first. Raises DatabaseUnavailableError."""
    claims = (
        select(Reading, Study.priority)
        .join(Study, Study.study_instance_uid == Reading.study_instance_uid)
        .where(is_open())
        .order_by(Reading.claimed_at, Reading.id)
    )
    with database.read() as session:
        return [
            OpenClaim(row.study_instance_uid, row.claimed_by, row.claimed_at, priority)
            for row, priority in session.execute(claims)
        ]
