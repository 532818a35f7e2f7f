"""The list is ordered by the one rule, also page by page, with a cap and without one."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.studies import Study
from screening.domain.reading_order import order_values, overdue_until, section_of
from screening.worklist.studies.ordering import read_worklist
from tests.rows.readings import RITA, add_study, read_by
from tests.rows.stored import NOON

NOW = NOON + timedelta(hours=40)
CAPS = [None, timedelta(0), timedelta(hours=20), timedelta(hours=50)]
PRIORITIES = ("STAT", "HIGH", "LOW")


@pytest.fixture
def filled(database: Database) -> Database:
    """Return studies of several priorities, some alike, from two days; a few are read."""
    chance = random.Random(7)  # noqa: S311  test data, not a secret
    for number in range(18):
        add_study(
            database,
            f"1.{number}",
            chance.choice(PRIORITIES),
            chance.choice((0.1, 0.9)),
            received_at=NOON + timedelta(hours=chance.randrange(0, 40, 5)),
        )
    for number in (3, 11):
        read_by(database, f"1.{number}", RITA)
    return database


def by_the_rule(database: Database, cap: timedelta | None) -> list[str]:
    """Return the unread studies as the rule has them."""
    until = overdue_until(NOW, cap)
    with database.read() as session:
        rows = session.scalars(select(Study).where(Study.reading != "read")).all()

    def place(row: Study) -> tuple[object, ...]:
        section = section_of(row.received_at, until=until)
        return (section, *order_values(row, section))

    return [row.study_instance_uid for row in sorted(rows, key=place)]


def listed(database: Database, cap: timedelta | None, limit: int, *, backward: bool) -> list[str]:
    """Return the list as its pages have it, followed in one direction."""
    found: list[str] = []
    if backward:
        last = read_worklist(database, limit=1, cap=cap, now=NOW)
        while last.next_cursor:
            last = read_worklist(database, limit=1, after=last.next_cursor, cap=cap, now=NOW)
        found = [last.entries[0].study_instance_uid]
        cursor = last.previous_cursor
        while cursor:
            page = read_worklist(database, limit=limit, before=cursor, cap=cap, now=NOW)
            found = [entry.study_instance_uid for entry in page.entries] + found
            cursor = page.previous_cursor
        return found
    page = read_worklist(database, limit=limit, cap=cap, now=NOW)
    while True:
        found += [entry.study_instance_uid for entry in page.entries]
        if page.next_cursor is None:
            return found
        page = read_worklist(database, limit=limit, after=page.next_cursor, cap=cap, now=NOW)


def test_every_page_follows_the_rule(filled: Database) -> None:
    """Each unread study once, overdue ones first, whatever the cap and the size of the page."""
    for cap in CAPS:
        expected = by_the_rule(filled, cap)
        assert len(expected) == 16
        for limit in (1, 5, 16):
            for backward in (False, True):
                assert listed(filled, cap, limit, backward=backward) == expected, (cap, limit)


def test_a_cap_sorts_what_waited_too_long_by_arrival(filled: Database) -> None:
    """They lead the list and say so; with a cap of nothing all do."""
    page = read_worklist(filled, cap=timedelta(hours=20), now=NOW)
    overdue = [entry for entry in page.entries if entry.overdue]
    assert page.entries[: len(overdue)] == tuple(overdue)
    assert 0 < len(overdue) < len(page.entries)
    arrivals = [entry.received_at for entry in overdue]
    assert arrivals == sorted(arrivals)
    assert all(entry.overdue for entry in read_worklist(filled, cap=timedelta(0), now=NOW).entries)
    assert not any(entry.overdue for entry in read_worklist(filled, now=NOW).entries)
