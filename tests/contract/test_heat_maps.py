"""Heat-maps as rows: asked for, claimed, made; and what makes them impossible, in words."""

import pytest
from sqlalchemy import select

from screening.classify.heat_map_queue import (
    ClaimedHeatMaps,
    any_heat_maps_due,
    claim_heat_maps,
    record_heat_maps,
)
from screening.db.clock import utc_now
from screening.db.events import Event
from screening.db.heat_maps import ask
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Bundle, Classification, Instance
from screening.domain.backoff import Backoff
from screening.domain.failures import FailureReason
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.domain.lifecycle import BundleRole, Lane
from screening.errors import DecisionRefusedError
from screening.ops.heat_maps import ask_for_heat_maps
from tests.rows.stored import add_bundle, add_instance, add_score

SHA256 = "5a" * 32
MAP = HeatMap("net", "covid19", 1, 2, b"\x00\xff", (0.1, 0.2, 0.9, 0.8), (1, 2))
AT_ONCE = Backoff(first_s=0, longest_s=0)


@pytest.fixture
def scored(database: Database) -> Database:
    """Return a database with one scored image, of the active bundle."""
    with database.write() as session:
        image = add_instance(session, "1.2.3", sha256=SHA256)
        add_score(session, image, add_bundle(session), priority="STAT", covid19=0.9)
    return database


def claimed(database: Database, bundle_id: int = 1) -> ClaimedHeatMaps | None:
    """Claim as a worker of this bundle does."""
    return claim_heat_maps(database, bundle_id=bundle_id, worker="w", lease_s=60)


def the_row(database: Database) -> HeatMaps:
    """Return the only row, detached."""
    with database.read() as session:
        row = session.scalars(select(HeatMaps)).one()
        session.expunge(row)
        return row


def kinds(database: Database) -> list[str]:
    """Return the kinds of events, in their order."""
    with database.read() as session:
        return list(session.scalars(select(Event.kind).order_by(Event.id)))


def test_maps_are_asked_for_once_and_made(scored: Database) -> None:
    """Two readers cause one computation; the maps are there with who asked; a third causes none."""
    ask_for_heat_maps(scored, SHA256, "rita")
    ask_for_heat_maps(scored, SHA256, "otto")
    assert any_heat_maps_due(scored)
    held = claimed(scored)
    assert held is not None
    assert held.sha256 == SHA256
    record_heat_maps(scored, held, [MAP], AT_ONCE)
    row = the_row(scored)
    assert (row.state, row.asked_by, row.lease_owner) == ("made", "rita", None)
    assert [HeatMap.from_dict(one) for one in row.maps or []] == [MAP]
    ask_for_heat_maps(scored, SHA256, "rita")
    assert not any_heat_maps_due(scored)
    assert kinds(scored) == ["heat_maps_asked", "heat_maps_made"]


def test_a_reader_goes_before_what_the_settings_ask(scored: Database) -> None:
    """Maps that are due at classification come sooner once somebody waits for them."""
    with scored.write() as session:
        ask(session, session.scalars(select(Classification)).one(), lane=Lane.BACKFILL)
    assert the_row(scored).lane == "backfill"
    assert kinds(scored) == []
    ask_for_heat_maps(scored, SHA256, "rita")
    assert the_row(scored).lane == "live"


def test_a_worker_that_lost_its_lease_writes_nothing(scored: Database) -> None:
    """After kill -9 the request is due again; what the first worker sends late is void."""
    ask_for_heat_maps(scored, SHA256, "")
    lost = claim_heat_maps(scored, bundle_id=1, worker="dies", lease_s=-1)
    assert lost is not None
    assert any_heat_maps_due(scored)
    held = claimed(scored)
    assert held is not None
    record_heat_maps(scored, lost, [], AT_ONCE)
    assert the_row(scored).state == "computing"
    record_heat_maps(scored, held, [MAP], AT_ONCE)
    assert the_row(scored).state == "made"


def test_what_kills_each_worker_is_given_up_and_may_be_asked_again(scored: Database) -> None:
    """Three attempts end it with its reason; the next request begins anew."""
    ask_for_heat_maps(scored, SHA256, "rita")
    for _ in range(3):
        assert claim_heat_maps(scored, bundle_id=1, worker="dies", lease_s=-1)
    assert claimed(scored) is None
    assert (the_row(scored).state, the_row(scored).reason) == ("failed", "worker_lost")
    ask_for_heat_maps(scored, SHA256, "otto")
    row = the_row(scored)
    assert (row.state, row.reason, row.attempts, row.asked_by) == ("due", None, 0, "otto")


def test_a_passing_failure_is_tried_again(scored: Database) -> None:
    """Too little memory now is enough a moment later; a network without maps stays so."""
    ask_for_heat_maps(scored, SHA256, "rita")
    held = claimed(scored)
    assert held is not None
    record_heat_maps(scored, held, FailureReason.OUT_OF_MEMORY, AT_ONCE)
    assert (the_row(scored).state, the_row(scored).attempts) == ("due", 1)
    held = claimed(scored)
    assert held is not None
    record_heat_maps(scored, held, NoHeatMap.NO_FEATURE_MAP, AT_ONCE)
    assert (the_row(scored).state, the_row(scored).reason) == ("failed", "no_feature_map")


def exchange_bundle(database: Database) -> int:
    """Make another bundle active; return its id."""
    with database.write() as session:
        change_state(session.scalars(select(Bundle)).one(), BundleRole.RETIRED)
        session.flush()
        return add_bundle(session, name="second").id


def test_a_bundle_that_changed_meanwhile_ends_it(scored: Database) -> None:
    """Whoever has its networks still may compute; a worker of the new one closes it, in words."""
    ask_for_heat_maps(scored, SHA256, "rita")
    second = exchange_bundle(scored)
    held = claimed(scored, bundle_id=1)
    assert held is not None
    record_heat_maps(scored, held, FailureReason.OUT_OF_MEMORY, AT_ONCE)
    assert claimed(scored, bundle_id=second) is None
    assert (the_row(scored).state, the_row(scored).reason) == ("failed", "other_bundle")
    with pytest.raises(DecisionRefusedError, match="not the active one any more"):
        ask_for_heat_maps(scored, SHA256, "rita")


def test_a_worker_that_has_not_followed_leaves_it(scored: Database) -> None:
    """A request for the bundle that became active meanwhile waits for whoever has loaded it."""
    ask_for_heat_maps(scored, SHA256, "rita")
    assert claimed(scored, bundle_id=7) is None
    assert the_row(scored).state == "due"


def test_a_removed_image_ends_it(scored: Database) -> None:
    """While it is computed the request is closed; asked afterwards it is refused."""
    ask_for_heat_maps(scored, SHA256, "rita")
    held = claimed(scored)
    assert held is not None
    with scored.write() as session:
        session.scalars(select(Instance)).one().removing_since = utc_now()
    record_heat_maps(scored, held, FailureReason.SPOOL_FILE_MISSING, AT_ONCE)
    assert (the_row(scored).state, the_row(scored).reason) == ("failed", "image_removed")
    with pytest.raises(DecisionRefusedError, match="has left the spool"):
        ask_for_heat_maps(scored, SHA256, "rita")


def test_an_image_without_scores_has_none(database: Database) -> None:
    """There is nothing to explain, also where nobody knows the image."""
    with database.write() as session:
        add_instance(session, "1.2.3", sha256=SHA256)
    for digest in (SHA256, "00" * 32):
        with pytest.raises(DecisionRefusedError, match="heat-maps explain scores"):
            ask_for_heat_maps(database, digest, "rita")


def test_maps_go_with_their_result(scored: Database) -> None:
    """Whoever deletes a result deletes its maps; nothing else needs to know of them."""
    ask_for_heat_maps(scored, SHA256, "rita")
    with scored.write() as session:
        session.delete(session.scalars(select(Classification)).one())
    with scored.read() as session:
        assert session.scalars(select(HeatMaps)).all() == []
