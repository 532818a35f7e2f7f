"""Queues replayed: who waits how long in which order, and what the cap promises."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.ops.simulation.readers import Recorded, Staff
from screening.ops.simulation.replay import QueuedStudy, Wait, replay
from screening.ops.simulation.synthetic import (
    ALL,
    FOUND,
    ILL,
    MISSED,
    START,
    Assumptions,
    made_up,
)
from screening.ops.simulation.waits import (
    BY_PRIORITY,
    FIRST_COME,
    compare_orders,
    figures_of,
)

FIRST_COME_CAP = timedelta(0)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ORDINARY = Assumptions(12, 10, prevalence=0.1, sensitivity=0.9, specificity=0.8, seed=1)
minutes = st.integers(0, 3000)
queues = st.lists(st.tuples(minutes, st.integers(0, 5), st.floats(-1, 1)), min_size=1, max_size=60)
staffs = st.builds(
    Staff,
    readers=st.integers(1, 3),
    reading_time=st.integers(1, 200).map(lambda one: one * MINUTE),
    first_hour=st.integers(0, 12),
    last_hour=st.integers(13, 24),
    seed=st.integers(0, 5),
)


def queued(places: Sequence[tuple[int, int, float]]) -> list[QueuedStudy]:
    """Return studies in the order of arrival, which is given in minutes, with rank and score."""
    return [
        QueuedStudy(START + arrival * MINUTE, rank, score, f"1.{number:03}", (ALL,))
        for number, (arrival, rank, score) in enumerate(sorted(places))
    ]


def longest(waits: Sequence[Wait]) -> timedelta:
    """Return the longest wait."""
    return max(one.waited for one in waits)


@settings(deadline=None, max_examples=60)
@given(queues, staffs, st.integers(0, 2000).map(lambda one: one * MINUTE))
def test_nobody_waits_longer_than_first_comes_longest_plus_the_cap(
    places: list[tuple[int, int, float]], staff: Staff, cap: timedelta
) -> None:
    """Whatever comes, whoever reads and when: the promise of the cap, to the second."""
    studies = queued(places)
    first_come = replay(studies, staff, FIRST_COME_CAP)
    assert longest(replay(studies, staff, cap)) <= longest(first_come) + cap


@settings(deadline=None, max_examples=60)
@given(queues, staffs, st.none() | st.integers(0, 2000).map(lambda one: one * MINUTE))
def test_orders_change_who_waits_and_not_how_much_is_read(
    places: list[tuple[int, int, float]], staff: Staff, cap: timedelta | None
) -> None:
    """Each study is read once, readings begin at the same times, and the mean wait is the same."""
    studies = queued(places)
    waits, first_come = replay(studies, staff, cap), replay(studies, staff, FIRST_COME_CAP)
    assert {one.study for one in waits} == set(studies)
    assert begins(waits) == begins(first_come)
    assert all(one.waited >= timedelta(0) and one.is_read for one in waits)
    assert sum((w.waited for w in waits), FIRST_COME_CAP) == sum(
        (w.waited for w in first_come), FIRST_COME_CAP
    )


@settings(deadline=None, max_examples=60)
@given(queues, staffs)
def test_the_most_urgent_wait_no_longer_than_first_come(
    places: list[tuple[int, int, float]], staff: Staff
) -> None:
    """All of the highest priority together, in every queue."""
    studies = queued(places)
    top = min(study.rank for study in studies)
    total = {}
    for cap in (None, FIRST_COME_CAP):
        waits = (one.waited for one in replay(studies, staff, cap) if one.study.rank == top)
        total[cap] = sum(waits, timedelta(0))
    assert total[None] <= total[FIRST_COME_CAP]


@settings(deadline=None, max_examples=12)
@given(
    st.floats(0.05, 0.4), st.floats(0.7, 1.0), st.floats(0.7, 1.0), st.integers(0, 100),
    st.sampled_from([None, 2 * HOUR, 12 * HOUR]),
)  # fmt: skip
def test_studies_with_disease_wait_less_than_first_come(
    prevalence: float, sensitivity: float, specificity: float, seed: int, cap: timedelta | None
) -> None:
    """On average, with and without a cap, also counting those that the ensemble misses."""
    studies = made_up(Assumptions(12, 10, prevalence, sensitivity, specificity, seed))
    staff = Staff(1, 4.5 * MINUTE, 0, 24, seed)
    found = compare_orders(studies, staff, cap, (ILL,))
    assert found.figures[found.orders[-1], ILL].mean < found.figures[FIRST_COME, ILL].mean


def test_a_cap_keeps_missed_studies_from_starving() -> None:
    """As in the paper: critical ones wait half as long, the longest wait grows, a cap mends it."""
    studies, staff = made_up(ORDINARY), Staff(1, 4.5 * MINUTE, 0, 24, 1)
    found = compare_orders(studies, staff, 4 * HOUR, (ALL, ILL, FOUND, MISSED)).figures
    capped = "by priority, cap 4 h"
    assert found[BY_PRIORITY, ILL].mean < found[FIRST_COME, ILL].mean / 2
    assert found[BY_PRIORITY, ALL].longest > 1.5 * found[FIRST_COME, ALL].longest
    assert found[capped, ALL].longest <= found[FIRST_COME, ALL].longest + 4 * HOUR
    assert found[capped, FOUND].mean < found[FIRST_COME, FOUND].mean / 2


def test_what_is_made_up_is_as_assumed() -> None:
    """Equal assumptions give equal studies, with the shares that were asked for."""
    assumed = Assumptions(20, 60, prevalence=0.2, sensitivity=0.8, specificity=0.9, seed=3)
    studies = made_up(assumed)
    assert studies == made_up(assumed)
    count = {group: sum(group in one.groups for one in studies) for group in (ALL, ILL, FOUND)}
    assert count[ALL] == pytest.approx(20 * 24 * 60, rel=0.05)
    assert count[ILL] / count[ALL] == pytest.approx(0.2, abs=0.02)
    assert count[FOUND] / count[ILL] == pytest.approx(0.8, abs=0.02)
    called = sum(one.rank == 1 for one in studies) - count[FOUND]
    assert called / (count[ALL] - count[ILL]) == pytest.approx(0.1, abs=0.02)
    assert all(one.received_at <= two.received_at for one, two in pairwise(studies))
    perfect = made_up(Assumptions(5, 5, 0.5, sensitivity=1, specificity=1, seed=1))
    assert all((ILL in one.groups) == (one.rank == 1) for one in perfect)


def test_recorded_readings_begin_when_they_did() -> None:
    """Those that nobody read wait until the end; a reading before any arrival counts for none."""
    studies = queued([(0, 4, -0.1), (1, 4, -0.2), (2, 1, -0.9)])
    moments = [START - HOUR, START + 1.5 * MINUTE, START + 3 * MINUTE]
    waits = replay(studies, Recorded(moments), None, ends_at=START + HOUR)
    assert [(one.study.study_instance_uid, one.is_read) for one in waits] == [
        ("1.001", True),
        ("1.002", True),
        ("1.000", False),
    ]
    assert [one.waited / MINUTE for one in waits] == [0.5, 1, 60]
    assert figures_of(waits).unread == 1
    with pytest.raises(ValueError, match="expected an end of the replay"):
        replay(studies, Recorded(moments), None)


def test_readers_keep_their_hours_and_read_side_by_side() -> None:
    """Nobody begins outside of the hours; two begin at once."""
    studies = queued([(0, 4, 0.0)] * 300)
    waits = replay(studies, Staff(2, 10 * MINUTE, 8, 18, 1), None)
    hours = [(START + one.waited).hour for one in waits]
    assert set(hours) <= set(range(8, 18))
    assert [one.waited for one in waits[:2]] == [8 * HOUR] * 2
    days = Staff(2, 10 * MINUTE, 8, 18, 1)
    assert days.per_hour == pytest.approx(5)
    assert longest(waits) / HOUR == pytest.approx(2 * 24 + 8 + 5, rel=0.05)


def test_figures_are_of_every_study() -> None:
    """The mean, what 95 of 100 stay under, and the longest."""
    studies = queued([(number, 4, 0.0) for number in range(100)])
    waits = [Wait(study, number * MINUTE) for number, study in enumerate(studies, start=1)]
    found = figures_of(waits)
    assert (found.studies, found.mean, found.p95, found.longest, found.unread) == (
        100,
        50.5 * MINUTE,
        95 * MINUTE,
        100 * MINUTE,
        0,
    )


def begins(waits: Sequence[Wait]) -> list[object]:
    """Return when readings begin, in order."""
    return sorted(one.study.received_at + one.waited for one in waits)
