"""The worklist page by page: whole, in order, and unmoved by what moves."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification
from screening.worklist.studies.ordering import read_worklist
from screening.worklist.studies.position import MOST_ON_A_PAGE, CursorError, Position, parse_cursor
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score

positions = st.builds(
    Position,
    st.integers(0, 5),
    st.floats(-1, 1),
    st.datetimes(timezones=st.just(UTC)),
    st.from_regex(r"[0-9.]{1,64}", fullmatch=True),
)


def _fill(database: Database) -> list[str]:
    """Add studies of every priority, many alike, and return them in reading order."""
    with database.write() as session:
        bundle = add_bundle(session)
        for priority in ("STAT", "HIGH"):
            for number in range(5):
                image = add_instance(session, f"1.{priority.count('T')}.{number}")
                add_score(session, image, bundle, priority=priority, covid19=0.5)
        for number in range(4):
            add_classification(session, add_instance(session, f"2.{number}"))
    listed = [f"1.2.{number}" for number in range(5)] + [f"1.0.{number}" for number in range(5)]
    return [*listed, *(f"2.{number}" for number in range(4))]


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 14, 20])
def test_pages_hold_every_study_once_in_order(migrated_database: Database, limit: int) -> None:
    """Forward to the end and back to the start, also where many studies are alike."""
    expected = _fill(migrated_database)
    forward, backward = [], []
    page = read_worklist(migrated_database, limit=limit)
    assert page.previous_cursor is None
    while True:
        forward += [entry.study_instance_uid for entry in page.entries]
        if page.next_cursor is None:
            break
        page = read_worklist(migrated_database, limit=limit, after=page.next_cursor)
    assert forward == expected
    while True:
        backward = [entry.study_instance_uid for entry in page.entries] + backward
        if page.previous_cursor is None:
            break
        page = read_worklist(migrated_database, limit=limit, before=page.previous_cursor)
    assert backward == expected


def test_a_cursor_outlives_the_study_it_was_made_of(migrated_database: Database) -> None:
    """The study that ended a page moves to the top; the next page begins where it did before."""
    expected = _fill(migrated_database)
    first = read_worklist(migrated_database, limit=6)
    behind = read_worklist(migrated_database, limit=6, after=first.next_cursor).entries
    with migrated_database.write() as session:
        image = add_instance(session, expected[5], received_at=NOON + timedelta(minutes=1))
        bundle = session.query(Bundle).one()
        add_score(session, image, bundle, priority="STAT", covid19=0.99)
    assert read_worklist(migrated_database).entries[0].study_instance_uid == expected[5]
    again = read_worklist(migrated_database, limit=6, after=first.next_cursor).entries
    assert [e.study_instance_uid for e in again] == [e.study_instance_uid for e in behind]


def test_a_uid_that_is_none_stands_in_no_address(migrated_database: Database) -> None:
    """It may name a patient; pages beside it are whole all the same."""
    uids = ["1.1", "Doe-Jane-1970", "Doe-Jane-1971", "2.1"]
    with migrated_database.write() as session:
        for uid in uids:
            add_classification(session, add_instance(session, uid))
    page, listed = read_worklist(migrated_database, limit=1), []
    while True:
        listed.append(page.entries[0].study_instance_uid)
        if page.next_cursor is None:
            break
        assert b"Doe" not in base64.urlsafe_b64decode(page.next_cursor + "===")
        page = read_worklist(migrated_database, limit=1, after=page.next_cursor)
    assert listed == sorted(uids)
    position = parse_cursor(Position(3, 1.0, NOON, "Doe-Jane-1970").as_cursor())
    moved = replace(position, received_at=NOON - timedelta(days=1)).as_cursor()
    assert len(read_worklist(migrated_database, after=moved).entries) == len(uids)


def test_a_sure_pneumonia_stands_above_a_doubtful_covid19(migrated_database: Database) -> None:
    """Inside a priority the score of the rule that fired decides, whatever its class."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        for study, covid19, pneumonia in (("1", 0.58, 0.02), ("2", 0.001, 0.999)):
            score = max(covid19, pneumonia)
            add_score(
                session,
                add_instance(session, study),
                bundle,
                priority="HIGH",
                covid19=covid19,
                pneumonia=pneumonia,
                priority_score=score,
                priority_rule="Pneumonia probability at least 90 %" if study == "2" else "",
            )
    sure, doubtful = read_worklist(migrated_database).entries
    assert (sure.study_instance_uid, sure.priority_score) == ("2", pytest.approx(0.999))
    assert sure.priority_rule == "Pneumonia probability at least 90 %"
    assert doubtful.covid19 == pytest.approx(0.58)


def test_the_rule_that_is_told_is_that_of_the_most_urgent_image(
    migrated_database: Database,
) -> None:
    """A LOW image with a higher score does not lend it to the study's priority."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        for priority, score in (("LOW", 0.9), ("HIGH", 0.6), ("HIGH", 0.4)):
            image = add_instance(session, "1")
            add_score(session, image, bundle, priority=priority, covid19=score,
                      priority_rule=f"{priority} {score}")  # fmt: skip
    (entry,) = read_worklist(migrated_database).entries
    assert (entry.priority_rule, entry.priority_score) == ("HIGH 0.6", 0.6)
    with migrated_database.write() as session:
        for row in session.query(Classification).filter_by(priority="HIGH"):
            row.priority_score = None
    (entry,) = read_worklist(migrated_database).entries
    assert (entry.priority, entry.priority_score) == ("HIGH", None)


def test_a_page_has_a_limit(migrated_database: Database) -> None:
    """Nobody reads a list without an end by mistake."""
    for limit in (0, -1, MOST_ON_A_PAGE + 1):
        with pytest.raises(ValueError, match="expected a limit of 1 to"):
            read_worklist(migrated_database, limit=limit)


@given(position=positions)
def test_a_cursor_names_its_position_exactly(position: Position) -> None:
    """Floats and microseconds come back as they went."""
    assert parse_cursor(position.as_cursor()) == position


@given(text=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_other_text_is_no_cursor(text: str) -> None:
    """What a hostile client sends is refused in one way."""
    with pytest.raises(CursorError, match="start at the first page"):
        parse_cursor(text)


@pytest.mark.parametrize(
    "position",
    [
        Position(6, 0.0, NOON, "1.2"),
        Position(-1, 0.0, NOON, "1.2"),
        Position(0, float("nan"), NOON, "1.2"),
        Position(0, float("inf"), NOON, "1.2"),
        Position(0, 1, NOON, "1.2"),
        Position(0, 0.0, datetime(2026, 3, 1), "1.2"),  # noqa: DTZ001  naive on purpose
    ],
)
def test_a_forged_cursor_is_refused(position: Position) -> None:
    """Well-formed text with values that no study has."""
    with pytest.raises(CursorError):
        parse_cursor(position.as_cursor())


@pytest.mark.parametrize("uid", ["1 2", "1" * 65, "", "sha256:", "sha256:" + "x" * 64, 7, None])
def test_a_cursor_with_a_forged_uid_is_refused(uid: object) -> None:
    """Nothing but a UID or a digest stands in its place."""
    text = json.dumps([0, 0.5, NOON.isoformat(), uid])
    with pytest.raises(CursorError):
        parse_cursor(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))
