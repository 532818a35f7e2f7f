"""Peers in processes of their own: modalities that come again, and probes that say nothing."""

import random
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing import get_context

from screening.db.clock import utc_now
from screening.storage_scu.association import NotAssociatedError, StorageAssociation, associate
from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.objects import EncodedObject
from screening.storage_scu.outcomes import Outcome, status_rule
from tests.faults.senders import CONTEXT

PROCESSES = 4
REST_S = 1.0
"""Before a refused sender comes again, on the average."""
PATIENCE_S = 600
"""Without a single Success; how long all takes depends on the machine."""
PROBE_TIMEOUT_S = 20
TIMEOUTS = Timeouts(connection_s=20, acse_s=120, dimse_s=120, network_s=120)
"""Those of a patient modality: that the machine is slow is no abort."""


@dataclass(slots=True)
class Sent:
    """What some senders heard.

    acknowledged: when each SOP Instance UID was answered with Success; refused: rejected
    associations and refused objects that a modality sends again; aborted: associations that came
    to nothing or ended otherwise than by our release, by the reason; wrong: answers after which a
    modality would not have come again; held: when each association began and ended, in seconds of
    this machine's monotonic clock.
    """

    acknowledged: dict[str, datetime] = field(default_factory=dict)
    refused: int = 0
    aborted: Counter[str] = field(default_factory=Counter)
    wrong: set[str] = field(default_factory=set)
    held: list[tuple[float, float]] = field(default_factory=list)

    def add(self, other: "Sent") -> None:
        """Count what others heard as well."""
        self.acknowledged |= other.acknowledged
        self.refused += other.refused
        self.aborted += other.aborted
        self.wrong |= other.wrong
        self.held += other.held

    @property
    def most_at_once(self) -> int:
        """How many associations were open in one moment."""
        ends = [(begun, 1) for begun, _ in self.held] + [(ended, -1) for _, ended in self.held]
        here = most = 0
        for _, change in sorted(ends):
            here += change
            most = max(most, here)
        return most


@contextmanager
def peers() -> Iterator[ProcessPoolExecutor]:
    """Have processes ready for peers; each is forked from one that has loaded this module alone."""
    begin = get_context("forkserver")
    begin.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(PROCESSES, mp_context=begin) as pool:
        yield pool


def probe(port: int, count: int) -> int:
    """Connect and close, so many times, without a word; return how many."""
    for _ in range(count):
        socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_S).close()
    return count


def send(
    peer: DicomDestination,
    objects: Sequence[EncodedObject],
    objects_an_association: int,
    rest_s: float = 0,
) -> Sent:
    """Send objects until each is answered with Success, or none is for PATIENCE_S.

    rest_s: the time between the beginnings of two objects, at least.
    """
    sent, waiting = Sent(), deque(objects)
    left, taken_at = len(waiting), time.monotonic()
    while waiting and time.monotonic() < taken_at + PATIENCE_S:
        if len(waiting) < left:
            left, taken_at = len(waiting), time.monotonic()
        try:
            with associate(replace(peer, timeouts=TIMEOUTS), [CONTEXT]) as association:
                begun = time.monotonic()
                _send_some(association, waiting, objects_an_association, rest_s, sent)
                sent.held.append((begun, time.monotonic()))
        except NotAssociatedError as refused:
            _note_refusal(sent, refused)
            time.sleep(random.uniform(0, 2 * REST_S))
    return sent


def send_at_once(
    peer: DicomDestination, shares: Sequence[Sequence[EncodedObject]], at_s: float
) -> Sent:
    """Send each share over an association of its own, all in this moment of the monotonic clock."""

    def send_share(share: Sequence[EncodedObject]) -> Sent:
        time.sleep(max(0.0, at_s - time.monotonic()))
        return send(peer, share, len(share))

    sent = Sent()
    with ThreadPoolExecutor(len(shares)) as threads:
        for one in threads.map(send_share, shares):
            sent.add(one)
    return sent


def _send_some(
    association: StorageAssociation,
    waiting: deque[EncodedObject],
    count: int,
    rest_s: float,
    sent: Sent,
) -> None:
    for _ in range(min(count, len(waiting))):
        begun = time.monotonic()
        status = association.store(waiting[0], CONTEXT).status
        if status is None:
            sent.aborted["no answer to C-STORE"] += 1
            return
        if status == 0:
            sent.acknowledged[waiting.popleft().sop_instance_uid] = utc_now()
        else:
            sent.refused += 1
            if status_rule(status).outcome is not Outcome.RETRY:
                sent.wrong.add(f"0x{status:04X}")
        time.sleep(max(0.0, begun + rest_s - time.monotonic()))


def _note_refusal(sent: Sent, refused: NotAssociatedError) -> None:
    if "rejected the association" not in refused.comment:
        sent.aborted[refused.comment] += 1
    elif refused.outcome is Outcome.RETRY:
        sent.refused += 1
    else:
        sent.wrong.add("a permanent rejection")
