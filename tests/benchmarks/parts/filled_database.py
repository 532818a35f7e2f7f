"""A database with many studies, and what is asked of it again and again.

It is filled at the revision before `studies`, with radiographs, their results, reports, deliveries
and as many re-runs that wait; whoever wants the newest schema migrates it.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import alembic.command
from sqlalchemy import create_engine, func, select, text

from screening.classify import claim as classify_claim
from screening.db.bundle_rows import active_bundle
from screening.db.clock import utc_now
from screening.db.migrate import alembic_config
from screening.db.session import Database
from screening.db.tables.studies import Study
from screening.drift.of_senders import read_drift
from screening.ops.ledger import read_ledger
from screening.ops.since import parse_since
from screening.ops.trace import trace
from screening.report import deliveries, outbox
from screening.settings import Settings
from screening.worklist.studies.ordering import ReadingPriority, read_worklist
from screening.worklist.studies.places import STARTS
from tests.benchmarks.parts.selections import selections
from tests.sites.web_app import Client, make_app

REVISION_BEFORE = "0003"
UNLIMITED = frozenset({"ledger --since 24h"})
"""Shown, without a limit: its cost follows what was received in that time."""
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :studies) ",
    "postgresql": "WITH n(n) AS (SELECT generate_series(CAST(1 AS bigint), :studies)) ",
}
AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ({seconds}) || ' seconds')",
    "postgresql": "now() - ({seconds}) * interval '1 second'",
}
BUNDLE = """INSERT INTO bundles (id, name, version, digest, trained, role, registered_at, manifest)
VALUES (1, 'first', '1', 'a', TRUE, 'retired', {now}, '{{}}'),
       (2, 'second', '1', 'b', TRUE, 'active', {now}, '{{}}')"""
INSTANCES = """INSERT INTO instances (id, sop_instance_uid, sop_class_uid, study_instance_uid,
    series_instance_uid, transfer_syntax_uid, sha256, conflicting, size_bytes, modality,
    calling_ae_title, received_at, patient_id, patient_name, accession_number, study_date,
    study_time)
{numbers} SELECT n, '1.2.826.0.1.3680043.10.' || n || '.1.1', '1.2.840.10008.5.1.4.1.1.1',
    '1.2.826.0.1.3680043.10.' || n, '1.2.826.0.1.3680043.10.' || n || '.1', '1.2.840.10008.1.2.1',
    substr('0000000000000000000000000000000000000000000000000000000000000000' || n, -64, 64),
    FALSE, 8000000, 'CR', 'CR_ROOM_' || (n % 7), {arrival}, 'P' || n, 'Doe^Jane ' || n, 'A' || n,
    '20260301', '114500' FROM n"""
RESULTS = """INSERT INTO classifications (id, instance_id, bundle_id, lane, state, reason, attempts,
    created_at, finished_at, covid19, pneumonia, normal, priority, priority_rule, report_state,
    not_before)
{numbers} SELECT n, n, CASE WHEN n % 50 > 1 THEN 1 END, 'live',
    CASE n % 50 WHEN 0 THEN 'received' WHEN 1 THEN 'received' WHEN 2 THEN 'failed'
                WHEN 3 THEN 'not_applicable' ELSE 'classified' END,
    CASE n % 50 WHEN 2 THEN 'undecodable_pixels' WHEN 3 THEN 'not_frontal' END,
    1, {arrival}, CASE WHEN n % 50 > 1 THEN {arrival} END,
    CASE WHEN n % 50 > 3 THEN (n * 7919 % 1000) / 1000.0 END,
    CASE WHEN n % 50 > 3 THEN (1000 - n * 7919 % 1000) / 1000.0 END,
    CASE WHEN n % 50 > 3 THEN 0.0 END,
    CASE WHEN n % 50 < 4 THEN NULL WHEN n * 7919 % 1000 > 900 THEN 'STAT'
         WHEN n * 7919 % 1000 > 700 THEN 'HIGH' WHEN n * 7919 % 1000 > 500 THEN 'MEDIUM'
         ELSE 'LOW' END,
    CASE WHEN n % 50 < 4 THEN NULL WHEN n * 7919 % 1000 > 500
         THEN 'COVID-19 probability at least 50 %' ELSE 'no class reached its threshold' END,
    CASE WHEN n % 50 < 4 THEN 'none' WHEN n % 50 = 4 THEN 'due' ELSE 'made' END,
    CASE WHEN n % 50 = 1 THEN {in_an_hour} END FROM n"""
RERUNS = """INSERT INTO classifications (id, instance_id, lane, state, created_at)
{numbers} SELECT n + :studies, n, 'backfill', 'received', {now} FROM n WHERE n % 50 > 1"""
REPORTS = """INSERT INTO reports (id, classification_id, profile, sop_instance_uid, sop_class_uid,
    series_instance_uid, content, sha256, made_at)
{numbers} SELECT n, n, 'comprehensive', '2.25.' || n, '1.2.840.10008.5.1.4.1.1.88.33', '2.25.1',
    'x', 'x', {arrival} FROM n WHERE n % 50 > 4"""
DELIVERIES = """INSERT INTO deliveries (id, report_id, destination, state, attempts, not_before,
    created_at, delivered_at)
{numbers} SELECT n, n, 'pacs', CASE WHEN n % 2 = 0 THEN 'delivered' ELSE 'pending' END, 1,
    CASE WHEN n % 4 = 1 THEN {in_an_hour} END, {arrival},
    CASE WHEN n % 2 = 0 THEN {arrival} END FROM n WHERE n % 50 > 4"""
TABLES = ("bundles", "instances", "classifications", "reports", "deliveries")


def fill(url: str, studies: int) -> None:
    """Bring a database to the revision before `studies` and fill it."""
    alembic.command.upgrade(alembic_config(url), REVISION_BEFORE)
    engine = create_engine(url)
    name = engine.dialect.name
    words = {
        "numbers": NUMBERS[name],
        "now": AT[name].format(seconds="0"),
        "arrival": AT[name].format(seconds="n % 2592000"),
        "in_an_hour": AT[name].format(seconds="-3600"),
    }
    with engine.begin() as connection:
        for statement in (BUNDLE, INSTANCES, RESULTS, RERUNS, REPORTS, DELIVERIES):
            wanted = {"studies": studies} if "{numbers}" in statement else {}
            connection.execute(text(statement.format(**words)), wanted)
        if name == "postgresql":
            behind = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)")
            for table in TABLES:
                connection.execute(behind, {"table": table, "last": 2 * studies + 2})
    engine.dispose()


def questions(database: Database, folder: Path) -> Mapping[str, Callable[[], object]]:
    """Return what is asked, by name; folder: a data folder."""
    settings = Settings(data_dir=folder)
    client = Client(make_app(database, settings))
    get = client.get
    bundle = active_bundle(database)
    assert bundle is not None
    study = read_worklist(database, limit=1).entries[0].study_instance_uid
    cursor = None
    for _ in range(20):  # not so far that a small list ends
        cursor = read_worklist(database, limit=40, after=cursor).next_cursor

    with database.read() as session:
        first = session.scalar(select(func.min(Study.received_at)))
    assert first is not None
    oldest_s = (utc_now() - first).total_seconds()

    def answers(path: str) -> None:
        assert get(path).status_code == 200

    def claims() -> None:
        held = classify_claim.claim(
            database, bundle_id=bundle.id, worker="w", batch_size=8, lease_s=60
        )
        assert len(held.instances) in {1, 8}

    def pages_with_cap(cap: timedelta) -> None:
        """Read the first page, and the first behind the overdue ones."""
        read_worklist(database, cap=cap)
        read_worklist(database, cap=cap, after=STARTS[ReadingPriority.STAT])

    return {
        "half is overdue": partial(pages_with_cap, timedelta(seconds=oldest_s / 2)),
        "hardly any is overdue": partial(pages_with_cap, timedelta(seconds=oldest_s * 0.999)),
        "nearly all is overdue": partial(pages_with_cap, timedelta(seconds=oldest_s * 0.001)),
        "GET /read": partial(answers, "/read"),
        "GET /": partial(answers, "/"),
        "GET /board": partial(answers, "/board"),
        "GET / further down": partial(answers, f"/?after={cursor}"),
        "GET /api/v1/worklist": partial(answers, "/api/v1/worklist"),
        "GET /api/v1/worklist further down": partial(answers, f"/api/v1/worklist?after={cursor}"),
        "GET /metrics": partial(answers, "/metrics"),
        "GET /healthz": partial(answers, "/healthz"),
        "GET /studies/UID": partial(answers, f"/studies/{study}"),
        "ledger": partial(read_ledger, database),
        "ledger --since 24h": lambda: read_ledger(database, since=parse_since("24h", utc_now())),
        "trace": partial(trace, database, study),
        "drift of all senders": partial(read_drift, database, settings),
        "claim of a batch": claims,
        "is a classification due?": partial(classify_claim.anything_due, database),
        "is a report due?": partial(outbox.anything_due, database),
        "is a delivery due?": partial(deliveries.anything_due, database, ["pacs"]),
        "claim of deliveries": partial(deliveries.claim_deliveries, database, "pacs"),
        **selections(client),
    }
