"""A site whose every image the bundle calls STAT, as sites that no training covers find it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from screening.db.bundle_rows import ActiveBundle, active_bundle
from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification
from tests.rows.stored import NOON, add_instance, add_score


def add_site(
    database: Database,
    bundle_id: int,
    *,
    studies: int = 40,
    calling_ae_title: str = "CR1",
    newest_at: datetime = NOON,
) -> None:
    """Add studies of one image each, received an hour apart, with COVID-19 scores from 0.9 on.

    They are numbered from the newest, and the higher the number the higher the score.
    """
    with database.write() as session:
        bundle = session.get_one(Bundle, bundle_id)
        for number in range(studies):
            image = add_instance(
                session,
                f"1.2.9.{1 if calling_ae_title == 'CR1' else 2}.{number}",
                calling_ae_title=calling_ae_title,
                accession_number=f"ACC{number}",
                received_at=newest_at - timedelta(hours=number),
            )
            add_score(
                session,
                image,
                bundle,
                priority="STAT",
                covid19=0.9 + 0.002 * number,
                pneumonia=0.0005 * number,
                report_state="made",
            )


def active(database: Database) -> ActiveBundle:
    """Return the active bundle."""
    found = active_bundle(database)
    assert found is not None
    return found


def priorities(database: Database) -> list[str | None]:
    """Return the priority of each result, in the order of the COVID-19 scores."""
    with database.read() as session:
        order = (Classification.covid19, Classification.id)
        return list(session.scalars(select(Classification.priority).order_by(*order)))
