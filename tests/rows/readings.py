"""Studies for readers, and what readers do with them."""

from datetime import datetime

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.domain.reading import Actor, Label, Opinion, agrees, called_class
from screening.ops.reading.claims import mark_read
from screening.worklist.studies.ordering import WorklistEntry, read_entry
from tests.rows.stored import NOON, add_bundle, add_instance, add_score

RITA, RUTH = Actor("rita"), Actor("ruth")
OTTO = Actor("otto", may_end_others=True)
RULES = {
    "STAT": "COVID-19 probability at least 50 %",
    "HIGH": "Pneumonia probability at least 50 %",
    "LOW": "no class reached its threshold",
}


def add_study(
    database: Database,
    study: str,
    priority: str,
    score: float = 0.5,
    *,
    received_at: datetime = NOON,
) -> None:
    """Add an image with a score of the active bundle to a study, which may be new."""
    with database.write() as session:
        active = select(Bundle).where(Bundle.role == "active")
        bundle = session.scalar(active) or add_bundle(session)
        image = add_instance(session, study, received_at=received_at)
        rule = RULES.get(priority, RULES["HIGH"])
        is_covid19 = priority == "STAT"
        add_score(
            session,
            image,
            bundle,
            priority=priority,
            priority_rule=rule,
            priority_score=score,
            covid19=score if is_covid19 else 0.0,
            pneumonia=0.0 if is_covid19 else score,
        )


def entry_of(database: Database, study: str) -> WorklistEntry:
    """Return a study's entry, which must be there."""
    entry = read_entry(database, study)
    assert entry is not None
    return entry


def read_by(
    database: Database, study: str, reader: Actor = RITA, label: Label | None = None
) -> None:
    """Mark a study read, with the class that its reader finds, if one is given."""
    opinion = None
    if label is not None:
        called = called_class(entry_of(database, study).priority_rule)
        opinion = Opinion(agrees=agrees(label, called), label=label)
    images = entry_of(database, study).instances
    mark_read(database, study, reader, images_seen=images, opinion=opinion)
