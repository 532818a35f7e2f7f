"""The ledger counts every instance once."""

import json
from dataclasses import replace
from datetime import timedelta

from screening.db.session import Database
from screening.ops.ledger import read_ledger
from tests.rows.stored import (
    NOON,
    add_bundle,
    add_classification,
    add_instance,
    add_report,
    add_score,
)


def _fill(database: Database) -> None:
    with database.write() as session:
        bundle = add_bundle(session)
        newer = add_bundle(session, name="newer", role="shadow")
        scored = add_instance(session, "1.2.1")
        result = add_score(session, scored, bundle, priority="STAT", covid19=0.9)
        add_report(session, result, pacs="delivered", folder="pending")
        add_classification(session, scored, lane="backfill")
        rerun = add_instance(session, "1.2.2")
        add_score(session, rerun, bundle, priority="LOW", covid19=0.1)
        add_classification(
            session, rerun, state="failed", reason="internal_error", bundle_id=newer.id
        )
        lateral = add_instance(session, "1.2.3", received_at=NOON + timedelta(hours=1))
        add_classification(session, lateral, state="not_applicable", reason="not_frontal")
        broken = add_instance(session, "1.2.3", received_at=NOON + timedelta(hours=1))
        add_classification(session, broken, state="failed", reason="undecodable_pixels")
        add_classification(session, add_instance(session, "1.2.4"), state="claimed")
        add_instance(session, "1.2.5")


def test_an_empty_database_adds_up(migrated_database: Database) -> None:
    """Nothing received is nothing in every state."""
    ledger = read_ledger(migrated_database)
    assert (ledger.received, ledger.pending, ledger.adds_up) == (0, 0, True)


def test_each_instance_is_counted_in_one_state(migrated_database: Database) -> None:
    """A failed or waiting re-run leaves the score standing; a row without a result is pending."""
    _fill(migrated_database)
    ledger = read_ledger(migrated_database)
    assert (ledger.received, ledger.classified, ledger.pending) == (6, 2, 2)
    assert ledger.reasons == {
        ("not_applicable", "not_frontal"): 1,
        ("failed", "undecodable_pixels"): 1,
    }
    assert ledger.adds_up
    assert ledger.backfill_pending == 1
    assert ledger.deliveries == {("pacs", "delivered"): 1, ("folder", "pending"): 1}


def test_since_limits_every_count(migrated_database: Database) -> None:
    """Only what arrived at or after the time counts, reports included."""
    _fill(migrated_database)
    ledger = read_ledger(migrated_database, since=NOON + timedelta(hours=1))
    assert (ledger.received, ledger.not_applicable, ledger.failed) == (2, 1, 1)
    assert (ledger.backfill_pending, ledger.deliveries, ledger.adds_up) == (0, {}, True)


def test_a_ledger_that_misses_an_instance_says_so(migrated_database: Database) -> None:
    """The sum is checked, not defined."""
    _fill(migrated_database)
    ledger = read_ledger(migrated_database)
    assert not replace(ledger, received=ledger.received + 1).adds_up


def test_the_ledger_goes_into_json(migrated_database: Database) -> None:
    """Every breakdown is a list of objects with names."""
    _fill(migrated_database)
    found = json.loads(json.dumps(read_ledger(migrated_database).as_dict()))
    assert found["adds_up"] is True
    assert {"destination": "pacs", "state": "delivered", "count": 1} in found["deliveries"]
    assert {"state": "failed", "reason": "undecodable_pixels", "count": 1} in found["reasons"]
