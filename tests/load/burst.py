"""Sixty-four modalities that begin in the same moment."""

import time

from tests.faults.images import Kind, new_study
from tests.faults.installation import Installation
from tests.load.peers import PROCESSES, Sent, peers, probe, send_at_once
from tests.load.settling import lost_or_doubled, until_settled
from tests.load.trial import Trial, broken

SENDERS = 64
HEAD_START_S = 1.0
"""For the shares to reach the sending processes."""


def burst(here: Installation, count: int) -> Trial:
    """Send so many objects over sixty-four associations at once."""
    starts = here.stations.starts
    study = new_study(Kind.SCORED, count)
    shares = [study.encoded[number::SENDERS] for number in range(SENDERS)]
    sent = Sent()
    with peers() as pool:
        for ready in [pool.submit(probe, here.scp.port, 1) for _ in range(PROCESSES)]:
            ready.result()
        started = time.monotonic() + HEAD_START_S
        under_way = [
            pool.submit(send_at_once, here.scp, shares[number::PROCESSES], started)
            for number in range(PROCESSES)
        ]
        for one in under_way:
            sent.add(one.result())
    taken_s = time.monotonic() - started
    for _ in until_settled(here):
        pass
    wrong = broken(here, {}, sent, starts) + lost_or_doubled(here, sent.acknowledged, [study])
    return Trial(
        name="burst",
        did=f"{SENDERS} senders in one moment, {sent.most_at_once} associations at once, "
        f"all taken in {taken_s:.0f} s",
        objects=len(sent.acknowledged),
        associations=len(sent.held),
        refused=sent.refused,
        aborted=sent.aborted.total(),
        growth={},
        duration_s=time.monotonic() - started,
        wrong=tuple(wrong),
    )
