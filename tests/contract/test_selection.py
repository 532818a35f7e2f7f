"""What a reader selects, on both databases: searches, days, filters, and every column's order."""

import re
from collections.abc import Callable
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from screening.db.session import Database
from screening.worklist.studies import query
from screening.worklist.studies.criteria import ImageState, Order, Selection, Show, Sort
from screening.worklist.studies.ordering import ReadingPriority
from screening.worklist.studies.position import CursorError
from screening.worklist.studies.query import Moment, SelectedStudies, read_selection
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score

NOW = Moment(NOON + timedelta(hours=2), UTC)
NAMES = ("SMITH^JOHN", "Smith^Ann", "SMITHERS^BO", "van der Berg^Eva", "Ünal^Ş", "100%^_")


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a database with six studies, a day apart; the first is today's."""
    with database.write() as session:
        bundle = add_bundle(session)
        for number, name in enumerate(NAMES):
            instance = add_instance(
                session,
                f"1.2.{number}",
                received_at=NOON - timedelta(days=number),
                patient_name=name,
                patient_id=f"Pid{number}",
                accession_number=f"acc{number}",
                calling_ae_title="CR_1" if number % 2 else "CR_2",
            )
            if number == 5:
                add_classification(session, instance, state="failed", reason="undecodable_pixels")
            else:
                priority = "STAT" if number < 2 else "LOW"
                add_score(session, instance, bundle, priority=priority, covid19=0.9 - number / 10)
    return database


def found(database: Database, text: str = "", selection: Selection | None = None) -> list[str]:
    """Return the last numbers of the selected studies, in order."""
    page = read_selection(database, selection or Selection(), text, NOW)
    return [entry.study_instance_uid.removeprefix("1.2.") for entry in page.entries]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("smith", {"0", "1", "2"}),
        ("Smith, John", {"0"}),
        ("smith john", {"0"}),
        ("SMITH^", {"0", "1"}),
        ("van der Berg", {"3"}),
        ("ünal", {"4"}),
        ("100%", {"5"}),
        ("%", set()),
        ("_", set()),
        ("pid3", set()),
        ("Pid3", {"3"}),
        ("ACC4", {"4"}),
        ("1.2.2", {"2"}),
        ("MITH", set()),
        ("'; DROP TABLE studies; --", set()),
        ("\0", set()),
        ("\N{GRINNING FACE}", set()),
    ],
)
def test_a_search_finds_beginnings_of_names_and_whole_numbers(
    filled: Database, text: str, numbers: set[str]
) -> None:
    """In the spellings of headers; what is no letter of a pattern to us is none to a database."""
    assert set(found(filled, text)) == numbers


def test_days_and_filters_narrow_the_list(filled: Database) -> None:
    """Each by itself, and together."""
    assert found(filled, selection=Selection(show=Show.TODAY)) == ["0"]
    days = Selection(first_day=date(2026, 2, 26), last_day=date(2026, 2, 27))
    assert set(found(filled, selection=days)) == {"2", "3"}
    assert found(filled, selection=Selection(last_day=date.max, show=Show.TODAY)) == ["0"]
    assert set(found(filled, selection=Selection(sender="CR_1"))) == {"1", "3", "5"}
    assert found(filled, selection=Selection(state=ImageState.FAILED)) == ["5"]
    stat = Selection(priority=ReadingPriority.STAT, sender="CR_1")
    assert found(filled, "smith", stat) == ["1"]


@pytest.mark.parametrize("sort", list(Sort))
def test_every_column_orders_both_ways(filled: Database, sort: Sort) -> None:
    """Every study is there once; what has no value stands last both ways."""
    orders = {order: found(filled, selection=Selection(sort=sort, order=order)) for order in Order}
    assert all(sorted(order) == list("012345") for order in orders.values())
    if sort in {Sort.COVID19, Sort.NORMAL}:
        up, down = orders[Order.UP], orders[Order.DOWN]
        assert up[-1] == down[-1] == "5"
        assert up[:-1] == down[-2::-1]
    if sort is Sort.WAITING:
        assert orders[Order.DOWN][0] == "5"


def test_pages_follow_each_other_and_name_studies_alone(filled: Database) -> None:
    """Forwards and backwards every study once; a place that is gone is refused."""
    by_name = Selection(sort=Sort.PATIENT)

    def page(**cursor: str) -> SelectedStudies:
        return read_selection(filled, by_name, "", NOW, limit=4, **cursor)

    first = page()
    assert (len(first.entries), first.total, first.previous_cursor) == (4, 6, None)
    second = page(after=first.next_cursor or "")
    assert (len(second.entries), second.next_cursor) == (2, None)
    assert len({*first.entries, *second.entries}) == 6
    assert page(before=second.previous_cursor or "").entries == first.entries
    assert first.next_cursor == first.entries[-1].study_instance_uid
    for cursor in ("1.2.99", "SMITH", "\0"):
        with pytest.raises(CursorError):
            page(after=cursor)
    with pytest.raises(CursorError):
        page(after="1.2.1", before="1.2.2")


def test_of_too_many_images_the_newest_are_looked_at(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page is told; so that no selection reads more, however many studies there are."""
    assert not read_selection(filled, Selection(), "", NOW).is_cut
    monkeypatch.setattr(query, "MOST_LOOKED_AT", 3)
    page = read_selection(filled, Selection(), "", NOW)
    assert page.is_cut
    assert {entry.study_instance_uid for entry in page.entries} <= {f"1.2.{n}" for n in range(4)}


def test_a_search_that_finds_too_much_looks_through_the_newest_images(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And through those of some days; the page is told, unless these are all that there are."""
    monkeypatch.setattr(query, "MOST_MATCHES", 2)
    days = Selection(first_day=date(2026, 2, 26), last_day=date(2026, 2, 28))
    for most, everything, of_days in ((6, "012", "12"), (3, "012", "12"), (2, "01", "12")):
        monkeypatch.setattr(query, "MOST_LOOKED_AT", most)
        page = read_selection(filled, Selection(), "smith", NOW)
        assert {entry.study_instance_uid for entry in page.entries} == uids(everything)
        assert page.is_cut == (most < len(NAMES))
        page = read_selection(filled, days, "smith", NOW)
        assert {entry.study_instance_uid for entry in page.entries} == uids(of_days)
        assert page.is_cut == (most < 3)
    monkeypatch.setattr(query, "MOST_LOOKED_AT", 1)
    assert found(filled, "Smith, Bo") == []
    assert found(filled, "smithers") == ["2"]
    assert not read_selection(filled, Selection(), "smithers", NOW).is_cut


def uids(numbers: str) -> set[str]:
    """Return the Study Instance UIDs that end in these."""
    return {f"1.2.{number}" for number in numbers}


@pytest.mark.parametrize(
    ("text", "show", "index"),
    [
        ("smith", Show.ALL, "ix_instances_patient_name"),
        ("", Show.ALL, "ix_studies_received_at"),
        ("", Show.UNREAD, "ix_studies_arrival"),
        ("", Show.TODAY, "ix_instances_received_at"),
    ],
)
def test_a_selection_uses_the_indexes(filled: Database, text: str, show: Show, index: str) -> None:
    """No table is read as a whole to find the newest studies, or the images of a patient."""
    plan = "\n".join(plans(filled, lambda: found(filled, text, Selection(show=show))))
    assert index in plan
    for table in ("instances", "studies"):
        assert not re.search(rf"SCAN {table}(?!.* USING (COVERING )?INDEX ix_)", plan)
        assert f"Seq Scan on {table}" not in plan


def plans(database: Database, ask: Callable[[], object]) -> list[str]:
    """Return the lines of the plans of all statements that read images or studies."""
    said: list[str] = []
    engine = database.engine
    is_postgresql = engine.dialect.name == "postgresql"

    def explain(*given: Any) -> None:
        connection, _, statement, parameters, *_ = given
        if not statement.startswith("SELECT"):
            return
        raw = connection.connection.cursor()
        if is_postgresql:
            raw.execute("SET LOCAL enable_seqscan = off")
            raw.execute("SET LOCAL enable_sort = off")  # six rows are sorted as soon as read
        raw.execute(f"EXPLAIN {'' if is_postgresql else 'QUERY PLAN '}{statement}", parameters)
        said.extend(str(row) for row in raw.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    try:
        ask()
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return said
