"""Ten times more than the worker can do: where the work waits, in which order it is served."""

import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from screening.db.clock import utc_now
from screening.domain.lifecycle import Lane
from tests.faults.images import Kind, Objects, new_study
from tests.faults.installation import STATIONS, Installation
from tests.load.another_bundle import activate_another_bundle
from tests.load.memory import MemoryWatch
from tests.load.peers import PROCESSES, Sent, peers, send
from tests.load.settling import LOOK_S, Progress, lost_or_doubled, progress, until_settled
from tests.load.throttle import TIMES_TOO_MUCH, throttled
from tests.load.trial import Trial, broken, pids
from tests.load.waiting_work import (
    Served,
    age_is_shown,
    messages,
    out_of_order,
    served_since,
    shown_age_s,
    start_page,
)

OBJECTS_A_SECOND = 10
OBJECTS_AN_ASSOCIATION = 20
OBJECTS_TO_WARM_UP = 40
BACKFILL_SHARE = 0.05
MOST_MESSAGES = 20
"""Doorbells that wait in Redis; the work itself is rows."""


@dataclass(slots=True)
class Pressure:
    """What was seen, and is to be seen yet."""

    here: Installation
    watch: MemoryWatch
    before: Progress
    now: Progress
    most_waiting: int = 0
    most_messages: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Rows that came under pressure, those of the backfill too."""
        return self.now.received - self.before.received

    @property
    def done(self) -> int:
        """Rows that ended under pressure."""
        return self.now.finished - self.before.finished

    def look(self, now: Progress) -> None:
        """Take note of this moment."""
        self.now = now
        self.most_waiting = max(self.most_waiting, now.received - now.finished)
        self.most_messages = max(self.most_messages, messages(self.here))
        self.watch.note((self.taken + self.done) // 2)


def back_pressure(here: Installation, duration_s: int) -> Trial:
    """Take ten times more in than is classified, for so long; then let it drain."""
    live = new_study(Kind.SCORED, OBJECTS_A_SECOND * duration_s)
    older_since, older_count = utc_now(), max(2, int(len(live.encoded) * BACKFILL_SHARE))
    start_page(here)
    _classify(here, new_study(Kind.SCORED, older_count))
    activate_another_bundle(here)
    started, begun, starts = time.monotonic(), utc_now(), here.stations.starts
    _classify(here, new_study(Kind.SCORED, OBJECTS_TO_WARM_UP))
    before = progress(here)
    seen = Pressure(here, MemoryWatch(pids(here, STATIONS)), before, before)
    pressed = time.monotonic()
    with _sending(here, live) as under_way:
        period = ("--since", older_since.isoformat(), "--until", begun.isoformat())
        _hold_back(seen, under_way, len(live.encoded) // 2, period)
        sent = _all_of(under_way)
    taken_s = time.monotonic() - pressed
    did = f"{len(sent.acknowledged)} taken in and {seen.done} classified in {taken_s:.0f} s"
    age_s = _judge_age(seen)
    for now in until_settled(here):
        seen.look(now)
    served = served_since(here, begun)
    _judge_order(seen, served, sent, older_count)
    growth = seen.watch.growth()
    seen.wrong += broken(here, growth, sent, starts)
    seen.wrong += lost_or_doubled(here, sent.acknowledged, [live])
    return Trial(
        name="back-pressure",
        did=f"{did}; at most {seen.most_waiting} rows waited, {seen.most_messages} messages, "
        f"{age_s:.0f} s; all drained",
        objects=len(sent.acknowledged),
        associations=len(sent.held),
        refused=sent.refused,
        aborted=sent.aborted.total(),
        growth=growth,
        duration_s=time.monotonic() - started,
        wrong=tuple(seen.wrong),
    )


def _classify(here: Installation, objects: Objects) -> None:
    here.stations.signal(signal.SIGSTOP, "classify")  # or batches would never be full
    sent = send(here.scp, objects.encoded, OBJECTS_AN_ASSOCIATION)
    here.stations.signal(signal.SIGCONT, "classify")
    assert len(sent.acknowledged) == len(objects.encoded), "the first objects were not taken"
    for _ in until_settled(here):
        pass


@contextmanager
def _sending(here: Installation, objects: Objects) -> Iterator[list[Future[Sent]]]:
    shares = [objects.encoded[number::PROCESSES] for number in range(PROCESSES)]
    rest_s = PROCESSES / OBJECTS_A_SECOND
    with peers() as pool:
        yield [
            pool.submit(send, here.scp, share, OBJECTS_AN_ASSOCIATION, rest_s) for share in shares
        ]


def _hold_back(
    seen: Pressure, under_way: Sequence[Future[Sent]], halfway: int, period: tuple[str, ...]
) -> None:
    """Watch while objects come in and the worker is held back; ask for backfill halfway."""
    here, has_backfill = seen.here, False

    def has_done_its_part() -> bool:
        now = progress(here)
        done, taken = now.finished - seen.before.finished, now.received - seen.before.received
        return done * TIMES_TOO_MUCH >= taken

    with throttled(here.stations, "classify", has_done_its_part):
        while not all(one.done() for one in under_way):
            seen.look(progress(here))
            if not has_backfill and seen.taken >= halfway:
                here.site.run("reprocess", *period, "--yes")
                has_backfill = True
            time.sleep(LOOK_S)
        seen.look(progress(here))
    assert has_backfill, "nothing came in"
    most = seen.taken // TIMES_TOO_MUCH + 2 * here.site.settings.batch_size
    assert seen.done <= most, f"no pressure: {seen.done} classified of {seen.taken} taken in"
    if seen.most_messages > MOST_MESSAGES:
        seen.wrong.append(f"{seen.most_messages} messages in Redis, expected {MOST_MESSAGES}")


def _all_of(under_way: Sequence[Future[Sent]]) -> Sent:
    sent = Sent()
    for one in under_way:
        sent.add(one.result())
    return sent


def _judge_age(seen: Pressure) -> float:
    age_s, is_right = age_is_shown(seen.here)
    if not is_right:
        seen.wrong.append(f"the page says {age_s:.0f} s as the oldest waiting age, the rows do not")
    return age_s


def _judge_order(seen: Pressure, served: Sequence[Served], sent: Sent, older_count: int) -> None:
    backfill = sum(one.lane == Lane.BACKFILL for one in served)
    if backfill != older_count:
        seen.wrong.append(f"{backfill} images of the backfill served, expected {older_count}")
    seen.wrong += out_of_order(served, sent.acknowledged)
    if left_s := shown_age_s(seen.here):
        seen.wrong.append(f"{left_s} s are shown as the oldest waiting age of nothing")
