"""Waiting times of a replay in figures, group by group, in each order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from screening.ops.simulation.readers import Readers
from screening.ops.simulation.replay import QueuedStudy, Wait, replay

FIRST_COME = "first come, first served"
BY_PRIORITY = "by priority"
MOST_WAIT_LESS = 0.95


@dataclass(frozen=True, slots=True)
class Figures:
    """How long the studies of one group wait in one order.

    p95: 95 of 100 wait no longer. unread: how many were not read by the end of the replay; they
    count as if they had been read then.
    """

    studies: int
    mean: timedelta
    p95: timedelta
    longest: timedelta
    unread: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The waits of every group in every order.

    waits: by order and group, sorted, the shortest first. figures: the same, in figures.
    """

    groups: tuple[str, ...]
    waits: Mapping[tuple[str, str], Sequence[timedelta]]
    figures: Mapping[tuple[str, str], Figures]
    orders: tuple[str, ...]


def compare_orders(
    studies: Sequence[QueuedStudy],
    readers: Readers,
    cap: timedelta | None,
    groups: Sequence[str],
    ends_at: datetime | None = None,
) -> Comparison:
    """Replay a queue first come first served, by priority, and by priority with a cap, if any.

    studies: in the order of arrival. groups: those to be told, in their order; empty ones are not.
    """
    caps = {FIRST_COME: timedelta(0), BY_PRIORITY: None}
    if cap is not None:
        caps[f"by priority, cap {cap.total_seconds() / 3600:g} h"] = cap
    waits: dict[tuple[str, str], Sequence[timedelta]] = {}
    figures: dict[tuple[str, str], Figures] = {}
    for order, limit in caps.items():
        replayed = replay(studies, readers, limit, ends_at)
        for group in groups:
            found = [one for one in replayed if group in one.study.groups]
            if found:
                waits[order, group] = sorted(one.waited for one in found)
                figures[order, group] = figures_of(found)
    told = tuple(group for group in groups if (FIRST_COME, group) in waits)
    return Comparison(told, waits, figures, tuple(caps))


def figures_of(waits: Sequence[Wait]) -> Figures:
    """Return the figures of some waits, at least one."""
    times = sorted(one.waited for one in waits)
    return Figures(
        studies=len(times),
        mean=sum(times, timedelta(0)) / len(times),
        p95=times[math.ceil(MOST_WAIT_LESS * len(times)) - 1],
        longest=times[-1],
        unread=sum(not one.is_read for one in waits),
    )
