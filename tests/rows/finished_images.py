"""Images whose work is done, with their files, and retention run on them."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Event, Instance
from screening.ops.retention import remove_images
from screening.spool.store import Spool, data_set_sha256
from tests.peers.receiving import radiograph
from tests.rows.stored import (
    NOON,
    add_bundle,
    add_instance,
    add_report,
    add_score,
)

LATER = NOON + timedelta(days=30)
UID = "1.2.3.1.1.1"


def add_done(database: Database, spool: Spool, *, grey: int = 0, **states: str) -> Path:
    """Add an image that is classified and reported, with its file and its deliveries."""
    incoming = spool.incoming / "object.part"
    incoming.write_bytes(radiograph(grey=grey, SOPInstanceUID=f"{UID}.{grey}"))
    digest = data_set_sha256(incoming)
    with database.write() as session:
        image = add_instance(
            session, "1.2.3", sop_instance_uid=f"{UID}.{grey}", sha256=digest, size_bytes=100
        )
        bundle = add_bundle(session, name=f"bundle {grey}", role="retired")
        scored = add_score(session, image, bundle, priority="LOW", covid19=0.1)
        add_report(session, scored, **(states or {"pacs": "delivered"}))
    return spool.keep(incoming, digest)


def remove(database: Database, spool: Spool, *committing: str) -> int:
    """Run retention for what was received before LATER; return how many images it removed."""
    return remove_images(database, spool, received_before=LATER, committing=committing).images


def instances(database: Database) -> list[Instance]:
    """Return the rows of the images."""
    with database.read() as session:
        return list(session.scalars(select(Instance).order_by(Instance.id)))


def kinds(database: Database) -> list[str]:
    """Return the kinds of the events so far."""
    with database.read() as session:
        return list(session.scalars(select(Event.kind).order_by(Event.id)))
