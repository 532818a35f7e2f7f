"""Thousands of associations, of probes that say nothing, of classifications, and the memory."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

from tests.faults.images import Kind, Objects, new_study
from tests.faults.installation import STATIONS, Installation
from tests.load.memory import MemoryWatch
from tests.load.peers import PROCESSES, Sent, peers, probe, send
from tests.load.settling import lost_or_doubled, progress, until_settled
from tests.load.trial import Trial, broken, pids

SAMPLES = 100
OBJECTS_A_STUDY = 25
IMAGES_TO_WARM_UP = 40
"""TensorFlow takes what it needs with its first batches."""


def associations(here: Installation, count: int) -> Trial:
    """Open that many associations, each for one object."""
    started, starts = time.monotonic(), here.stations.starts
    watch = MemoryWatch(pids(here, STATIONS))
    sent, studies = Sent(), list(_studies(Kind.TOO_SMALL, count))
    with peers() as pool:
        for done in _sending(here, pool, studies, objects_an_association=1):
            sent.add(done)
            watch.note(len(sent.acknowledged))
    for _ in until_settled(here):
        pass
    growth = watch.growth()
    wrong = broken(here, growth, sent, starts) + lost_or_doubled(here, sent.acknowledged, studies)
    return Trial(
        name="associations",
        did="one small object each, not scored",
        objects=len(sent.acknowledged),
        associations=len(sent.held),
        refused=sent.refused,
        aborted=sent.aborted.total(),
        growth=growth,
        duration_s=time.monotonic() - started,
        wrong=tuple(wrong),
    )


def probes(here: Installation, count: int) -> Trial:
    """Connect and close that many times."""
    started, starts = time.monotonic(), here.stations.starts
    watch = MemoryWatch(pids(here, ["receive"]))
    done, share = 0, max(1, count // SAMPLES)
    with peers() as pool:
        shares = [pool.submit(probe, here.scp.port, share) for _ in range(count // share)]
        for finished in as_completed(shares):
            done += finished.result()
            watch.note(done)
    here.wait_for_scp()
    growth = watch.growth()
    return Trial(
        name="TCP probes",
        did=f"{done} times connected and closed without a word; C-ECHO answered after that",
        objects=0,
        associations=0,
        refused=0,
        aborted=0,
        growth=growth,
        duration_s=time.monotonic() - started,
        wrong=tuple(broken(here, growth, Sent(), starts)),
    )


def classifications(here: Installation, count: int) -> Trial:
    """Have that many small radiographs scored and reported."""
    send(here.scp, new_study(Kind.SCORED, IMAGES_TO_WARM_UP).encoded, IMAGES_TO_WARM_UP)
    for _ in until_settled(here):
        pass
    started, starts = time.monotonic(), here.stations.starts
    watch = MemoryWatch(pids(here, STATIONS))
    sent, studies = Sent(), list(_studies(Kind.SCORED, count))
    before = progress(here).finished
    with peers() as pool:
        for done in _sending(here, pool, studies, objects_an_association=OBJECTS_A_STUDY):
            sent.add(done)
            watch.note(progress(here).finished - before)
    for now in until_settled(here):
        watch.note(now.finished - before)
    growth = watch.growth()
    wrong = broken(here, growth, sent, starts) + lost_or_doubled(here, sent.acknowledged, studies)
    return Trial(
        name="classifications",
        did="small radiographs, each scored, its report delivered",
        objects=len(sent.acknowledged),
        associations=len(sent.held),
        refused=sent.refused,
        aborted=sent.aborted.total(),
        growth=growth,
        duration_s=time.monotonic() - started,
        wrong=tuple(wrong),
    )


def _studies(kind: Kind, count: int) -> Iterator[Objects]:
    for first in range(0, count, OBJECTS_A_STUDY):
        yield new_study(kind, min(OBJECTS_A_STUDY, count - first))


def _sending(
    here: Installation,
    pool: ProcessPoolExecutor,
    studies: list[Objects],
    *,
    objects_an_association: int,
) -> Iterator[Sent]:
    """Yield what was heard of each study, a few studies under way at a time."""
    peer = here.scp
    waiting = iter(studies)
    under_way: set[Future[Sent]] = set()

    def begin() -> None:
        study = next(waiting, None)
        if study is not None:
            under_way.add(pool.submit(send, peer, study.encoded, objects_an_association))

    for _ in range(2 * PROCESSES):
        begin()
    while under_way:
        finished = next(as_completed(under_way))
        under_way.remove(finished)
        begin()
        yield finished.result()
