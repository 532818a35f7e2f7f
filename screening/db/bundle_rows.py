"""Which bundles this site knows, and which one is active."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables import Bundle
from screening.domain.lifecycle import BundleRole


@dataclass(frozen=True, slots=True)
class ActiveBundle:
    """The active bundle's row."""

    id: int
    name: str
    version: str
    digest: str
    trained: bool


def active_bundle(database: Database) -> ActiveBundle | None:
    """Return the active bundle, None where none was ever activated."""
    with database.read() as session:
        row = session.scalar(select(Bundle).where(Bundle.role == BundleRole.ACTIVE))
        if row is None:
            return None
        return ActiveBundle(row.id, row.name, row.version, row.digest, row.trained)


def roles(database: Database) -> dict[str, BundleRole]:
    """Return the role of every registered bundle by its digest."""
    with database.read() as session:
        return {
            digest: BundleRole(role)
            for digest, role in session.execute(select(Bundle.digest, Bundle.role))
        }


def activate(
    database: Database,
    *,
    name: str,
    version: str,
    digest: str,
    trained: bool,
    manifest: Mapping[str, Any],
) -> None:
    """Make this bundle the active one, retiring the one before; register it if it is new."""
    with database.write() as session:
        _retire_others(session, digest)
        row = session.scalar(select(Bundle).where(Bundle.digest == digest))
        if row is None:
            row = Bundle(
                name=name,
                version=version,
                digest=digest,
                trained=trained,
                registered_at=utc_now(),
                manifest=dict(manifest),
            )
            session.add(row)
        row.role = BundleRole.ACTIVE
        add_event(session, "bundle_activated", bundle=f"{name} {version}", digest=digest)


def _retire_others(session: Session, digest: str) -> None:
    session.execute(
        update(Bundle)
        .where(Bundle.role == BundleRole.ACTIVE, Bundle.digest != digest)
        .values(role=BundleRole.RETIRED)
    )
