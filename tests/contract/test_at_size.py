"""What is asked again and again reads by index, however many studies there are.

Speed itself is measured by `tests/benchmarks/rows/at_size.py`; here each statement's plan is
read, which depends on no machine.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import alembic.command
import pytest
from sqlalchemy import Connection, Table, create_engine, event, select, text

from screening.db.clock import shared_now
from screening.db.derived.upkeep import BY_INDEX, note_studies
from screening.db.migrate import alembic_config, upgrade
from screening.db.recount import recount
from screening.db.session import Database
from screening.db.tables.schema import metadata
from screening.db.tables.studies import Study
from screening.ops.ledger import read_ledger
from screening.receive.commitment_scp.requests import claim_request, peers_due
from screening.report.commitment_scu.transactions import claim_commitments
from screening.work import queues
from screening.work.work_queue import WorkQueue
from tests.benchmarks.parts.copied_studies import FIRST_STUDIES, INDEXES, copy_first, fill_first
from tests.benchmarks.parts.filled_database import REVISION_BEFORE, UNLIMITED, fill, questions
from tests.services.servers import new_postgresql_database

STUDIES = 3000
LARGE = (
    "instances",
    "classifications",
    "reports",
    "deliveries",
    "studies",
    "commitments",
    "commitment_requests",
)
ALIASES = ("i", "c", "p", "v", "m")
"""What the views call them."""
Statement = tuple[str, Any]


@pytest.fixture
def filled(empty_url: str) -> Iterator[Database]:
    """Return a database with so many studies that reading all of a table is never cheaper."""
    fill(empty_url, STUDIES)
    upgrade(empty_url)
    with closing(Database(empty_url)) as database:
        yield database


def test_the_migration_fills_studies_and_totals(filled: Database, empty_url: str) -> None:
    """Every figure agrees with the rows of the older version, and the way back is open."""
    found = recount(filled)
    assert (found.instances, found.studies, found.agrees) == (STUDIES, STUDIES, True)
    ledger = read_ledger(filled)
    assert ledger.adds_up
    assert ledger.received == STUDIES
    assert ledger.pending == ledger.failed + ledger.not_applicable == STUDIES * 2 // 50
    assert sum(ledger.deliveries.values()) == STUDIES * 45 // 50
    filled.close()
    alembic.command.downgrade(alembic_config(empty_url), REVISION_BEFORE)
    upgrade(empty_url)
    assert recount(filled).agrees


def test_no_question_reads_a_whole_table(filled: Database, tmp_path: Path) -> None:
    """Neither list, page, figures, trace nor claims; a plan that does so names the question."""
    asked = {**questions(filled, tmp_path), **queue_questions(filled)}
    whole = {}
    for question, ask in asked.items():
        if question in UNLIMITED:
            continue
        with _recorded(filled) as statements:
            ask()
        with filled.read() as session:
            connection = session.connection()
            if filled.dialect == "postgresql":  # which reads so few rows from end to end at will
                session.execute(text("SET LOCAL enable_seqscan = off"))
            found = {table for one in statements for table in _read_whole(connection, one)}
        if found:
            whole[question] = found
    assert whole == {}


def test_many_studies_at_once_read_no_whole_table(filled: Database) -> None:
    """A transaction that changes hundreds of studies, such as a repair, costs what these cost."""
    with filled.read() as session:
        every = session.scalars(select(Study.study_instance_uid).limit(STUDIES // 5)).all()
    with _recorded(filled) as statements, filled.write() as session:
        note_studies(session, every)
    with filled.read() as session:
        connection = session.connection()
        if filled.dialect == "postgresql":
            session.execute(BY_INDEX)
        assert {table for one in statements for table in _read_whole(connection, one)} == set()


def test_copied_studies_are_those_that_are_filled_in(empty_url: str) -> None:
    """The benchmark's short way to many studies gives the same rows, indexes and totals."""
    fill_first(empty_url)
    copy_first(empty_url, 2 * FIRST_STUDIES)
    copied = _contents(empty_url)
    with closing(Database(empty_url)) as database:
        assert recount(database).agrees
    other = _other_database(empty_url)
    fill(other, 2 * FIRST_STUDIES)
    upgrade(other)
    assert copied == _contents(other)


def _other_database(url: str) -> str:
    if url.startswith("sqlite"):
        return f"{url}.other"
    return new_postgresql_database(url)


def _contents(url: str) -> Mapping[str, Any]:
    """Return the rows and indexes of each table; of times, whether there is one, and its age."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = {name: _rows(connection, table) for name, table in metadata().tables.items()}
        indexes = {name: _indexes(connection, name) for name in tables}
    engine.dispose()
    return {"rows": tables, "indexes": indexes}


def _rows(connection: Connection, table: Table) -> list[str]:
    """Return rows as text, in order; times in hours before the newest of the table."""
    rows = [list(row) for row in connection.execute(table.select())]
    times = [value for row in rows for value in row if isinstance(value, datetime)]
    for row in rows:
        for place, value in enumerate(row):
            if isinstance(value, datetime):
                row[place] = round((max(times) - value).total_seconds() / 3600)
    return sorted(map(str, rows))


def _indexes(connection: Connection, table: str) -> list[str]:
    """Return how indexes are created; without casts, which PostgreSQL writes in two ways."""
    statement = text(INDEXES[connection.dialect.name])
    created = connection.execute(statement, {"table": table}).all()
    return sorted(re.sub(r"::(character varying|text)(\[\])?|[()]", "", one.sql) for one in created)


def queue_questions(database: Database) -> Mapping[str, Callable[[], object]]:
    """Return what the workers of each queue ask, by name."""

    def hold(queue: WorkQueue[Any]) -> None:
        with database.write() as session:
            queue.still_held(session, "1")
            queue.renew(session, "1", ends_at=shared_now(session))

    def look(queue: WorkQueue[Any]) -> None:
        with database.read() as session:
            queue.is_due(session, shared_now(session))

    return {
        "claim of commitments": partial(
            claim_commitments, database, "pacs", how="query", answer_within_s=60
        ),
        "claim of a peer's request": partial(claim_request, database, "CR1"),
        "peers that are to be told": partial(peers_due, database),
        "classifications still held": partial(hold, queues.CLASSIFICATIONS),
        "deliveries still held": partial(hold, queues.DELIVERIES),
        "is a report due?": partial(look, queues.REPORTS),
    }


@contextmanager
def _recorded(database: Database) -> Iterator[list[Statement]]:
    """Record the statements that are executed, once each."""
    statements: dict[str, Statement] = {}

    def record(*arguments: Any) -> None:
        _, _, statement, parameters, _, many = arguments
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement) and not many:
            statements.setdefault(statement, (statement, parameters))

    event.listen(database.engine, "before_cursor_execute", record)
    found: list[Statement] = []
    yield found
    event.remove(database.engine, "before_cursor_execute", record)
    found += statements.values()


def _read_whole(connection: Connection, statement: Statement) -> set[str]:
    """Return the large tables that a statement's plan reads from end to end."""
    sql, parameters = statement
    if "set_config" in sql:  # how the transaction has what follows planned
        connection.exec_driver_sql(sql)
        return set()
    if connection.dialect.name == "postgresql":
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", parameters).scalar_one()
        return set(_scanned(plan if isinstance(plan, list) else json.loads(plan)))
    lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).all()
    details = [line[3] for line in lines]
    return {
        detail
        for detail in details
        if re.match(
            rf"SCAN ({'|'.join(LARGE + ALIASES)})\b(?!.* USING (COVERING )?INDEX ix_)", detail
        )
    }


def _scanned(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _scanned(part)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan" and plan.get("Relation Name") in LARGE:
            yield plan["Relation Name"]
        for part in plan.values():
            yield from _scanned(part)


def test_a_plan_that_reads_a_whole_table_is_seen(filled: Database) -> None:
    """The check itself can fail."""
    with filled.read() as session:
        slow = ("SELECT count(*) FROM deliveries WHERE attempts > 5", ())
        assert _read_whole(session.connection(), slow)
        session.execute(text("SELECT 1"))
