"""Which bundles this site knows, which one is active, and which were before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.states import change_state, new_row, update_to
from screening.db.tables.decisions import LONGEST_NAME, BundleActivation
from screening.db.tables.instances import Bundle
from screening.domain.lifecycle import BundleRole
from screening.errors import BundleError


@dataclass(frozen=True, slots=True)
class BundleOnDisk:
    """What a row says of a bundle that is on disk."""

    name: str
    version: str
    digest: str
    """SHA-256 of its manifest, in hexadecimal."""
    trained: bool
    manifest: Mapping[str, Any]


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
        return None if row is None else _detached(row)


def roles(database: Database) -> dict[str, BundleRole]:
    """Return the role of every registered bundle by its digest."""
    with database.read() as session:
        return {
            digest: BundleRole(role)
            for digest, role in session.execute(select(Bundle.digest, Bundle.role))
        }


def bundle_row(database: Database, digest: str) -> ActiveBundle | None:
    """Return the registered bundle of this digest, active or not."""
    with database.read() as session:
        row = session.scalar(select(Bundle).where(Bundle.digest == digest))
        return None if row is None else _detached(row)


@dataclass(frozen=True, slots=True)
class WayBack:
    """The bundle that is active and the one before it; activation_id: of the active one."""

    activation_id: int
    active: ActiveBundle
    before: ActiveBundle


def way_back(database: Database) -> WayBack:
    """Return which bundle a roll back leads to, by the history of activations.

    Raises BundleError where there is none.
    """
    with database.read() as session:
        return _way_back(session)


def roll_back(database: Database, expected: WayBack, *, by: str) -> None:
    """Make the bundle before the active one active again; what it rolls back is forgotten.

    A further roll back leads to what was active before that. Raises BundleError where the active
    bundle is no longer the expected one.
    """
    with database.write() as session:
        _lock(session)
        if _way_back(session) != expected:
            raise BundleError(
                "expected the active bundle to be the one that was asked about, found that "
                "somebody has changed it meanwhile; `screening bundles list` shows which it is now"
            )
        left = session.get_one(BundleActivation, expected.activation_id)
        target = session.get_one(BundleActivation, left.returns_to_id)
        _make_active(session, target.bundle, by=by, returns_to_id=target.returns_to_id)
        add_event(
            session,
            "bundle_rolled_back",
            bundle=f"{target.bundle.name} {target.bundle.version}",
            digest=target.bundle.digest,
            instead_of=f"{left.bundle.name} {left.bundle.version}",
            by=by,
        )


def activate(database: Database, bundle: BundleOnDisk, *, by: str) -> None:
    """Make this bundle the active one, retiring the one before; register it if it is new.

    by: who does it. Changes nothing where it is active already.
    """
    with database.write() as session:
        _lock(session)
        row = session.scalar(select(Bundle).where(Bundle.digest == bundle.digest))
        row = row or _registered(session, bundle)
        if row.role == BundleRole.ACTIVE:
            return
        in_force = _in_force(session)
        _make_active(session, row, by=by, returns_to_id=in_force.id if in_force else None)
        named = f"{bundle.name} {bundle.version}"
        add_event(session, "bundle_activated", bundle=named, digest=bundle.digest, by=by)


def _registered(session: Session, bundle: BundleOnDisk) -> Bundle:
    row = new_row(
        Bundle,
        BundleRole.RETIRED,
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        trained=bundle.trained,
        registered_at=utc_now(),
        manifest=dict(bundle.manifest),
    )
    session.add(row)
    return row


def _lock(session: Session) -> None:
    """Have one change of the active bundle at a time."""
    session.scalars(select(Bundle).order_by(Bundle.id).with_for_update()).all()


def _make_active(session: Session, row: Bundle, *, by: str, returns_to_id: int | None) -> None:
    session.execute(update_to(Bundle, BundleRole.RETIRED))
    change_state(row, BundleRole.ACTIVE)
    session.flush()
    session.add(
        BundleActivation(
            bundle_id=row.id,
            activated_at=utc_now(),
            activated_by=by[:LONGEST_NAME],
            returns_to_id=returns_to_id,
        )
    )


def _in_force(session: Session) -> BundleActivation | None:
    newest = select(BundleActivation).order_by(BundleActivation.id.desc()).limit(1)
    return session.scalar(newest)


def _way_back(session: Session) -> WayBack:
    in_force = _in_force(session)
    if in_force is None or in_force.returns_to_id is None:
        raise BundleError(
            "expected a bundle that was active before, found none to go back to; "
            "`screening bundles list` lists all, `screening bundles activate` changes it"
        )
    before = session.get_one(BundleActivation, in_force.returns_to_id)
    return WayBack(in_force.id, _detached(in_force.bundle), _detached(before.bundle))


def _detached(row: Bundle) -> ActiveBundle:
    return ActiveBundle(row.id, row.name, row.version, row.digest, row.trained)
