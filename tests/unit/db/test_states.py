"""Rows change their states along the edges of their lifecycles, and past them not at all."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import select

from screening.db.bundle_rows import BundleOnDisk, activate
from screening.db.session import Database
from screening.db.states import StateChangeError, change_state, new_row, state_columns, update_to
from screening.db.tables.columns import Base, State
from screening.db.tables.decisions import Correction
from screening.db.tables.instances import Bundle, Classification, Delivery
from screening.db.tables.schema import metadata
from screening.domain.lifecycle import (
    LIFECYCLES,
    BundleRole,
    ClassificationState,
    CorrectionState,
    DeliveryState,
    ReportState,
)
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance

WITHOUT_LIFECYCLE = {"lane", "report_lane", "priority", "held_priority", "label", "called"}
"""Columns of the same kind that hold no state: what a row is, not how far it is."""
WITHOUT_LIFECYCLE_HERE = {
    ("client_tokens", "role"),
    ("procedure_steps", "told_priority"),
    ("procedure_steps", "told_readiness"),
    ("procedure_steps", "told_state"),
}
"""Others, by table: what a program may do, and what peers were last told."""
DERIVED = {"studies", "totals"}


def tables() -> list[type[Base]]:
    """Return every mapped table of the database, by name; tables of tests are not among them."""
    names = metadata().tables
    mapped = [mapper.class_ for mapper in Base.registry.mappers]
    ours = [table for table in mapped if table.__table__ in names.values()]
    assert len(ours) == len(names)
    return sorted(ours, key=lambda table: table.__tablename__)


def test_every_column_of_states_has_a_lifecycle() -> None:
    """And every lifecycle is some column's: none is written down and asked by nobody."""
    named = {
        (table.__tablename__, column.name)
        for table in tables()
        for column in table.__table__.columns
        if column.type is State and table.__tablename__ not in DERIVED
    }
    bound = {
        (table.__tablename__, column)
        for table in tables()
        for column in state_columns(table).values()
    }
    assert {
        one for one in named if one[1] not in WITHOUT_LIFECYCLE
    } - WITHOUT_LIFECYCLE_HERE == bound
    states = [one for table in tables() for one in state_columns(table)]
    twice = [ReportState]  # of scores, and of the picture of their heat-maps
    assert sorted(one.__name__ for one in states) == sorted(
        one.__name__ for one in [*LIFECYCLES, *twice]
    )


def test_a_column_begins_as_its_lifecycle_does() -> None:
    """What the database writes where nothing is said; a bundle's role is always said."""
    for table in tables():
        for states, name in state_columns(table).items():
            default = table.__table__.columns[name].server_default
            if default is not None:
                assert default.arg == LIFECYCLES[states].initial[0]  # type: ignore[attr-defined]
            else:
                assert table is Bundle


def every_step() -> list[tuple[type[Base], StrEnum, StrEnum]]:
    """Return each table with each pair of its states, of either kind."""
    return [
        (table, old, new)
        for table in tables()
        for states in state_columns(table)
        for old in states
        for new in states
    ]


@pytest.mark.parametrize(("table", "old", "new"), every_step())
def test_a_step_is_taken_where_an_edge_leads_and_refused_elsewhere(
    table: type[Base], old: StrEnum, new: StrEnum
) -> None:
    """Refused, the row is as it was, and the message says which states were expected."""
    column = state_columns(table)[type(old)]
    row = table(**{column: old.value})
    lifecycle = LIFECYCLES[type(old)]
    if lifecycle.allows(old, new):
        change_state(row, new)
        assert getattr(row, column) == new
        return
    expected = f"found {old}; nothing was changed"
    with pytest.raises(StateChangeError, match=expected) as refused:
        change_state(row, new)
    assert all(before in str(refused.value) for before in lifecycle.before(new))
    assert getattr(row, column) == old


@pytest.mark.parametrize("state", ClassificationState)
def test_a_new_row_begins_where_its_lifecycle_does(state: ClassificationState) -> None:
    """A result that is taken over begins finished; a claim is nowhere to begin."""
    makers: list[Callable[[], Any]] = [lambda: new_row(Classification, state, instance_id=1)]
    row = Classification(instance_id=1)
    makers.append(lambda: change_state(row, state))
    for make in makers:
        if state in LIFECYCLES[ClassificationState].initial:
            made = make() or row
            assert (made.state, made.instance_id) == (state, 1)
        else:
            with pytest.raises(StateChangeError, match="expected a new row to begin as received"):
                make()
    with pytest.raises(StateChangeError):
        new_row(Classification, ClassificationState.RECEIVED, state="received")


def test_a_state_of_another_table_is_refused() -> None:
    """A delivery is no bundle; a classification has two kinds of states, each in its column."""
    with pytest.raises(StateChangeError, match="expected DeliveryState, found BundleRole"):
        change_state(Delivery(), BundleRole.ACTIVE)
    row = Classification()
    change_state(row, ReportState.NONE)
    assert (row.state, row.report_state) == (None, "none")


def test_an_update_reaches_only_rows_that_an_edge_leads_from(
    migrated_database: Database,
) -> None:
    """The statement restricts itself; of the rows that it was not meant for none changes."""
    with migrated_database.write() as session:
        for number, state in enumerate(ClassificationState):
            instance = add_instance(session, f"1.{number}")
            add_classification(session, instance, state=state)
    statement = update_to(Classification, ClassificationState.FAILED)
    with migrated_database.write() as session:
        made = session.execute(
            statement.values(finished_at=NOON), execution_options={"noted": True}
        )
        assert made.rowcount == 2  # type: ignore[attr-defined]
        found = session.execute(select(Classification.state, Classification.finished_at)).all()
        session.rollback()
    changed = [state for state, finished_at in found if finished_at == NOON]
    assert changed.count("failed") == len(changed) == 2
    assert sorted(state for state, _ in found) == [
        *("classified", "failed", "failed", "failed", "not_applicable")
    ]


def test_the_active_bundle_alone_is_retired(migrated_database: Database) -> None:
    """Activating by the bulk form leaves one active, and knows of it in the session."""
    with migrated_database.write() as session:
        add_bundle(session, name="a", role="active")
    bundle = BundleOnDisk("b", "1", "b" * 64, trained=True, manifest={})
    activate(migrated_database, bundle, by="ann")
    with migrated_database.read() as session:
        roles = {row.name: row.role for row in session.scalars(select(Bundle))}
    assert roles == {"a": "retired", "b": "active"}


def test_what_is_replaced_begins_so() -> None:
    """An object that stood before any correction has a row of its own once one is accepted."""
    row = new_row(Correction, CorrectionState.REPLACED, instance_id=1, attributes=[])
    with pytest.raises(StateChangeError):
        change_state(row, CorrectionState.REJECTED)
    change_state(row, CorrectionState.ACCEPTED)
    assert row.state == "accepted"


def test_the_message_names_the_row(migrated_database: Database) -> None:
    """By its key alone, so that no patient is named."""
    with migrated_database.write() as session:
        row = add_classification(session, add_instance(session, "1.2", patient_id="secret"))
        with pytest.raises(StateChangeError) as refused:
            change_state(row, ClassificationState.CLASSIFIED)
        assert str(refused.value).startswith(f"classifications {row.id}, state: expected claimed")
        assert "secret" not in str(refused.value)
        assert row.state == "received"
        with pytest.raises(StateChangeError, match="expected pending or sending or parked"):
            change_state(Delivery(state=DeliveryState.GIVEN_UP), DeliveryState.GIVEN_UP)
