"""No code writes a state past `screening.db.states`, in whatever way Python or SQL can.

Migrations are left out: they bring rows of one schema to the next. So are tests, which set up
situations that take the program many steps.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from screening.db.states import state_columns
from screening.db.tables.columns import Base
from screening.db.tables.schema import metadata

ROOT = Path(__file__).parents[2]
PACKAGES = ("screening", "training", "deploy")
SETTER = "screening/db/states.py"
WRITES = {"values", "update", "execute", "bulk_update_mappings", "bulk_insert_mappings"}
"""Methods that are given what a statement writes, in keywords or in a dictionary."""
BY_NAME = {"setattr", "__setattr__", "set_attribute", "set_committed_value"}


@cache
def tables() -> dict[str, frozenset[str]]:
    """Return the names of the columns that hold states, by the name of the mapped class."""
    assert metadata().tables
    found = {mapper.class_: state_columns(mapper.class_) for mapper in Base.registry.mappers}
    return {
        table.__name__: frozenset(columns.values()) for table, columns in found.items() if columns
    }


@cache
def columns() -> frozenset[str]:
    """Return the names of all such columns."""
    return frozenset().union(*tables().values())


@cache
def statements() -> re.Pattern[str]:
    """Return what finds a statement, as text, that writes such a column."""
    names = "|".join(
        mapper.local_table.name  # type: ignore[attr-defined]  # a table, not a join
        for mapper in Base.registry.mappers
        if mapper.class_.__name__ in tables()
    )
    column = rf"\b(?:{'|'.join(columns())})\b"
    return re.compile(
        rf"\bUPDATE\s+(?:{names})\b.*?\bSET\b.*?{column}\s*=(?!=)"
        rf"|\bINSERT\s+(?:OR\s+\w+\s+)?INTO\s+(?:{names})\s*\([^)]*{column}",
        re.IGNORECASE | re.DOTALL,
    )


def writes(source: str) -> list[int]:
    """Return the lines at which a module writes a state by itself."""
    tree = ast.parse(source)
    names = _imported_tables(tree)
    found = {line for node in ast.walk(tree) for line in _writes_of(node, names)}
    knows_tables = any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(tree))
    if knows_tables:
        found |= {node.lineno for node in ast.walk(tree) if _is_unreadable(node, names)}
    return sorted(found)


def _imported_tables(tree: ast.AST) -> dict[str, frozenset[str]]:
    """Return the columns of each table by the name that the module gives it."""
    renamed = {
        alias.asname: tables()[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in tables()
    }
    return {**tables(), **renamed}


def _writes_of(node: ast.AST, names: dict[str, frozenset[str]]) -> Iterator[int]:
    match node:
        case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del(), value=value):
            if name in columns() and not (isinstance(value, ast.Name) and value.id == "self"):
                yield node.lineno
        case ast.Call():
            yield from _written_by_call(node, names)
        case ast.Constant(value=str() as text):
            if statements().search(text):
                yield node.lineno
        case ast.JoinedStr(values=parts):
            text = "".join(part.value if isinstance(part, ast.Constant) else "x" for part in parts)
            if statements().search(text):
                yield node.lineno


def _written_by_call(call: ast.Call, names: dict[str, frozenset[str]]) -> Iterator[int]:
    called = _last_name(call.func)
    table = next((name for name in (called, *map(_last_name, call.args)) if name in names), None)
    keywords = {keyword.arg for keyword in call.keywords}
    if table is not None and called not in {"new_row", "select", "update_to"}:
        if keywords & names[table]:
            yield call.lineno
        if None in keywords and (called in names or called.startswith("insert")):
            yield call.lineno  # what else may be in it
    if called in WRITES:
        if keywords & columns() and called != "execute":
            yield call.lineno
        given = [*call.args, *(one.value for one in call.keywords)]
        yield from (
            inner.lineno
            for argument in given
            for inner in ast.walk(argument)
            if isinstance(inner, ast.Dict) and any(map(_is_column, inner.keys))
        )
    if called in BY_NAME and any(map(_is_column, call.args)):
        yield call.lineno


def _is_unreadable(node: ast.AST, names: dict[str, frozenset[str]]) -> bool:
    """Return whether a call writes to a table with states what cannot be read here."""
    if not isinstance(node, ast.Call):
        return False
    called, given = _last_name(node.func), node.args
    if called == "setattr":
        return not isinstance(given[1], ast.Constant)
    if called == "execute" and len(given) > 1:
        told = {_last_name(inner) for inner in ast.walk(given[0])}
        return bool(told & names.keys()) and not isinstance(given[1], ast.List | ast.Dict)
    is_open = any(keyword.arg is None for keyword in node.keywords)
    return called == "values" and (is_open or any(not isinstance(one, ast.Dict) for one in given))


def _is_column(key: ast.expr | None) -> bool:
    """Return whether a key, or a name that is given, is that of a state: a text or an attribute."""
    if isinstance(key, ast.Constant):
        return key.value in columns()
    if isinstance(key, ast.Attribute) and key.attr in {"key", "name"}:
        return _is_column(key.value)
    return isinstance(key, ast.Attribute) and key.attr in columns() and key.attr != key.attr.upper()


def _last_name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def test_states_are_written_by_their_setter_alone() -> None:
    """`change_state`, `new_row` and `update_to` ask the tables; nothing else writes a state."""
    past = {
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.relative_to(ROOT).as_posix() != SETTER
        for line in writes(path.read_text(encoding="utf-8"))
    }
    assert past == set(), "write these with screening.db.states"


PAST = [
    'row.state = "failed"',
    "row.state: str = DeliveryState.PARKED",
    "row.state, row.attempts = to, 0",
    "[*rest, (row.report_state, other)] = found",
    "row.state = other.state = to",
    'row.state += "x"',
    "for row.role in roles: pass",
    "with opened() as row.state: pass",
    "del row.state",
    "report.classification.report_state = ReportState.DUE",
    'Delivery(report_id=1, state="parked")',
    "tables.Bundle(role=BundleRole.ACTIVE)",
    "Classification(instance_id=1, **given)",
    "from screening.db.tables.instances import Delivery as D\nD(state=to)",
    'update(Classification).where(due).values(state="failed")',
    'update(Delivery).values({"state": to})',
    "update(Delivery).values({Delivery.state: to})",
    'update(row_type).values(**{"report_state": to})',
    'session.execute(update(Delivery), [{"id": 1, "state": to}])',
    'session.bulk_update_mappings(Delivery, [{"id": 1, "state": to}])',
    'insert_or_nothing(session, Delivery, report_id=1, state="parked")',
    "insert_or_nothing(session, Delivery, **values)",
    'insert(Delivery).values(report_id=1, state="parked")',
    'row.__dict__.update(state="failed")',
    'values.update({"state": to})',
    'setattr(row, "state", to)',
    "setattr(row, self.state.key, to)",
    "update(self.row).values({self.state.key: to})",
    'object.__setattr__(row, "report_state", to)',
    'set_committed_value(row, "role", to)',
    "setattr(row or Delivery(), name, to)",
    "update(Delivery).values(values)",
    "update(Delivery).values(**values)",
    "session.execute(update(Delivery), rows)",
    "text(\"UPDATE classifications SET attempts = 0, state = 'failed' WHERE id = 1\")",
    "text(f\"UPDATE deliveries SET state = '{to}'\")",
    "exec_driver_sql(\"insert into bundles (name, role) values ('a', 'active')\")",
]
BESIDE = [
    "change_state(row, to)",
    "new_row(Delivery, DeliveryState.PENDING, report_id=1)",
    'session.execute(update_to(Bundle, to).values({"version": "2"}))',
    "update(Delivery).where(Delivery.state == to).values(lease_expires_at=now)",
    "select(Delivery).filter_by(state=to)",
    "self.state = BrokerState()",
    "session.execute(select(Delivery), execution_options=NOTED)",
    "setattr(data_set, keyword, value)",
    "for row in served.values(): Delivery()",
    "setattr(row, self.not_before.key, None)",
    "DeliveryLine(state=row.state)",
    'print_json({"state": row.state})',
    'before = {"state": row.state}',
    "if row.state == to: pass",
    "text(\"SELECT state FROM deliveries WHERE state = 'parked'\")",
    'text("CREATE INDEX i ON deliveries (state)")',
]


@pytest.mark.parametrize("code", PAST)
def test_each_way_past_the_setter_is_seen(code: str) -> None:
    """Assignments of every form, constructors, statements, dictionaries, names, SQL as text."""
    assert writes(code) == [len(code.splitlines())]


@pytest.mark.parametrize("code", BESIDE)
def test_what_writes_no_state_is_left_alone(code: str) -> None:
    """Reading one, or writing what is no row's, is no matter of the lifecycles."""
    assert writes(code) == []
