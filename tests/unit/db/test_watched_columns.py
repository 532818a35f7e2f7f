"""Every column that list or ledger show is watched: who changes it brings both up to date."""

import ast
import re
from pathlib import Path

from sqlalchemy import text

from screening.db.derived.upkeep import WATCHED
from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Classification, Delivery, Instance
from screening.db.tables.readings import Feedback, Reading

PACKAGE = Path(__file__).parents[3] / "screening"
TABLE_OF_ALIAS = {
    "i": Instance,
    "d": Instance,
    "c": Classification,
    "t": Classification,
    "x": Classification,
    "v": Delivery,
    "m": ReportCommitment,
    "n": Reading,
    "e": Reading,
    "f": Feedback,
}
DERIVING = ("instance_results", "computed_studies", "computed_figures")


def test_every_column_that_a_view_reads_is_watched(migrated_database: Database) -> None:
    """Keys apart, which never change."""
    with migrated_database.read() as session:
        views = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
        found = {name: sql for name, sql in views if name in DERIVING}
    assert found.keys() == set(DERIVING)
    read = {
        (TABLE_OF_ALIAS[alias], column)
        for sql in found.values()
        for alias, column in re.findall(r"\b([a-z])\.(\w+)", sql)
        if alias in TABLE_OF_ALIAS and column != "id" and not column.endswith("_id")
    }
    read |= {(Instance, "patient_id"), (PeerCommitmentRequest, "state")}
    assert len(read) >= 25
    unwatched = {(table.__name__, column) for table, column in read if column not in WATCHED[table]}
    assert unwatched == set()


def test_every_watched_column_exists() -> None:
    """A name that is written wrong watches nothing."""
    for table, columns in WATCHED.items():
        assert columns <= {column.name for column in table.__table__.columns}  # type: ignore[attr-defined]


def test_stations_write_through_the_session_alone() -> None:
    """Connections and statements as text know nothing of what is watched."""
    past = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in {"connection", "engine", "exec_driver_sql", "bulk_save_objects"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"session", "database", "to"}
    }
    assert {name for name in past if not name.startswith("screening/db/")} == set()
    noted = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\binsert_(rows|unless_there|rows_unless_there)\(", path.read_text("utf-8"))
    }
    nothing_watched = {"screening/ups/steps/turns.py"}  # rows of procedure_steps alone
    assert noted - nothing_watched == {
        "screening/db/insert.py",
        "screening/receive/objects/intake.py",
    }
