"""A million studies in a minute or so: a thousand that the product has worked on, and copies.

The thousand are filled in at an old revision and migrated, so that the product itself derives
their studies and totals. A copy differs in what tells studies apart: numbers, UIDs, names, senders
and times. `fill` gives the same rows, which a test compares.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from screening.db.migrate import upgrade
from tests.benchmarks.parts.filled_database import TABLES, fill

FIRST_STUDIES = 1000
"""After so many, states, scores and priorities of `fill` begin again."""
UID = "'1.2.826.0.1.3680043.10.' || {n}"
SHA256 = "substr('{zeros}' || {{n}}, -64, 64)".format(zeros=64 * "0")
SAME_TIMES = ("not_before",)
"""Times that are the same for all."""
EARLIER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {column}, '-' || ({seconds}) || ' seconds')",
    "postgresql": "{column} - ({seconds}) * interval '1 second'",
}
COPIES = {
    "sqlite": "(WITH RECURSIVE c(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM c WHERE c < {last}) "
    "SELECT c FROM c)",
    "postgresql": "(SELECT generate_series(1, {last}) AS c)",
}
SETTINGS = {
    "sqlite": (
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
        "PRAGMA temp_store = MEMORY",
    ),
    "postgresql": (
        "SET session_replication_role = replica",  # without looking every foreign key up
        "SET maintenance_work_mem = '512MB'",
    ),
}
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
    "AND tbl_name = :table",
    "postgresql": "SELECT indexname AS name, indexdef AS sql FROM pg_indexes "
    "WHERE tablename = :table AND indexname NOT IN (SELECT conname FROM pg_constraint)",
}
"""Those that no constraint needs, and how each is created."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Rows of one table that are copied.

    number: of the study, by a row's columns. values: of a copy's columns, where they differ, by
    its study's number. where: which of the table's rows.
    """

    table: str
    number: str
    values: Mapping[str, str] = field(default_factory=dict)
    where: str = "TRUE"


PATIENT = {
    "study_instance_uid": UID,
    "patient_id": "'P' || {n}",
    "patient_name": "'Doe^Jane ' || {n}",
    "accession_number": "'A' || {n}",
    "calling_ae_title": "'CR_ROOM_' || ({n} % 7)",
}
COPIED = (
    Copied(
        "instances",
        "id",
        {
            **PATIENT,
            "id": "{n}",
            "sop_instance_uid": f"{UID} || '.1.1'",
            "series_instance_uid": f"{UID} || '.1'",
            "sha256": SHA256,
        },
    ),
    Copied("classifications", "instance_id", {"id": "{n}", "instance_id": "{n}"}, "lane = 'live'"),
    Copied(
        "classifications",
        "instance_id",
        {"id": "{n} + {studies}", "instance_id": "{n}"},
        "lane = 'backfill'",
    ),
    Copied(
        "reports",
        "id",
        {"id": "{n}", "classification_id": "{n}", "sop_instance_uid": "'2.25.' || {n}"},
    ),
    Copied("deliveries", "id", {"id": "{n}", "report_id": "{n}"}),
    Copied("studies", "demographics_instance_id", {**PATIENT, "demographics_instance_id": "{n}"}),
)


def fill_first(url: str) -> None:
    """Fill an empty database with FIRST_STUDIES, of the newest schema."""
    fill(url, FIRST_STUDIES)
    upgrade(url)


def copy_first(url: str, studies: int) -> None:
    """Copy what `fill_first` has filled in until there are so many studies.

    studies: a multiple of FIRST_STUDIES. Ends once everything is on the disk and PostgreSQL has
    gathered its statistics, as autovacuum does in time, so that neither disturbs what is measured.
    """
    if studies % FIRST_STUDIES:
        raise ValueError(f"expected a multiple of {FIRST_STUDIES} studies, found {studies}")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for setting in SETTINGS[engine.dialect.name]:
            connection.execute(text(setting))
        connection.execute(text("BEGIN"))
        _copy(connection, studies)
        connection.execute(text("COMMIT"))
        _settle(engine, connection)


def _copy(connection: Connection, studies: int) -> None:
    name = connection.dialect.name
    behind = "UPDATE classifications SET id = instance_id + :studies WHERE lane = 'backfill'"
    connection.execute(text(behind), {"studies": studies})
    tables = dict.fromkeys(one.table for one in COPIED)
    indexes = {
        index: created
        for table in tables
        for index, created in connection.execute(text(INDEXES[name]), {"table": table}).all()
    }
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index}"))
    for number, one in enumerate(COPIED):
        first = f"first_{number}"  # a table that is read while it is written is read twice
        rows = f"SELECT * FROM {one.table} WHERE {one.where}"  # noqa: S608  names of ours
        connection.execute(text(f"CREATE TEMPORARY TABLE {first} AS {rows}"))
        connection.execute(text(_copying(connection, one, first, studies)))
    times = studies // FIRST_STUDIES
    connection.execute(text("UPDATE totals SET count = count * :times"), {"times": times})
    for created in indexes.values():
        connection.execute(text(created))
    if name == "postgresql":
        last = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)")
        for table in TABLES:
            connection.execute(last, {"table": table, "last": 2 * studies + 2})


def _copying(connection: Connection, one: Copied, first: str, studies: int) -> str:
    """Return the statement that makes all copies of one table's rows, in the order of studies."""
    name = connection.dialect.name
    seconds = f"{FIRST_STUDIES} * c"
    number = f"({one.number} + {seconds})"
    values = {}
    for column in inspect(connection).get_columns(one.table):
        named = column["name"]
        is_time = column["type"].python_type.__name__ == "datetime"
        if named in one.values:
            values[named] = one.values[named].format(n=number, studies=studies)
        elif is_time and named not in SAME_TIMES:
            values[named] = EARLIER[name].format(column=named, seconds=seconds)
        else:
            values[named] = named
    copies = COPIES[name].format(last=studies // FIRST_STUDIES - 1)
    names, made = ", ".join(values), ", ".join(values.values())
    rows = f"SELECT {made} FROM {copies} AS copies CROSS JOIN {first} ORDER BY c, {one.number}"  # noqa: S608  names of ours
    return f"INSERT INTO {one.table} ({names}) {rows}"


def _settle(engine: Engine, connection: Connection) -> None:
    if engine.dialect.name == "postgresql":
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
        return
    connection.execute(text("PRAGMA journal_mode = WAL"))
    file = engine.url.database
    assert file is not None
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
