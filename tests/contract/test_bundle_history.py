"""Which bundle was active before which, and the way back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from screening.db import bundle_rows
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.errors import BundleError


def activated(database: Database, *names: str) -> Callable[[], str]:
    """Activate bundles of these names, one after the other; return what tells the active one."""
    for name in names:
        bundle = bundle_rows.BundleOnDisk(name, "1", name * 64, trained=True, manifest={})
        bundle_rows.activate(database, bundle, by="ann")

    def active() -> str:
        row = bundle_rows.active_bundle(database)
        return row.name if row else ""

    return active


def test_the_way_back_is_what_was_active_before(database: Database) -> None:
    """Step by step, as often as there were changes; activating the active one is none."""
    active = activated(database, "a", "b", "b", "c")
    for expected in ("b", "a"):
        bundle_rows.roll_back(database, bundle_rows.way_back(database), by="ann")
        assert active() == expected
    with pytest.raises(BundleError, match="found none to go back to"):
        bundle_rows.way_back(database)
    activated(database, "d", "a")
    way = bundle_rows.way_back(database)
    assert (way.active.name, way.before.name) == ("a", "d")
    with database.read() as session:
        event = session.scalars(
            select(Event).where(Event.kind == "bundle_rolled_back").order_by(Event.id)
        ).first()
    assert event is not None
    assert event.detail == {
        "bundle": "b 1",
        "digest": "b" * 64,
        "instead_of": "c 1",
        "by": "ann",
    }


@pytest.mark.integration
def test_two_people_who_go_back_at_once_go_one_step(database: Database) -> None:
    """The second is told that somebody was faster, and does not go back a step too far."""
    active = activated(database, "a", "b", "c")
    way = bundle_rows.way_back(database)

    def go(by: str) -> bool:
        try:
            bundle_rows.roll_back(database, way, by=by)
        except BundleError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(go, "wxyz")) == [False, False, False, True]
    assert active() == "b"
