"""Eight senders at once, each of which comes again until every object is answered with Success."""

import random
import threading
import time
from collections import Counter, deque

from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from screening.storage_scu.association import (
    Context,
    NotAssociatedError,
    StorageAssociation,
    associate,
)
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import EncodedObject
from screening.storage_scu.outcomes import Outcome, status_rule
from tests.faults.images import Objects

SENDERS = 8
LONGEST_ASSOCIATION = 20
"""Objects; how many an association carries is drawn each time."""
REST_S = 0.2
HOLD_S = 0.05
CONTEXT = Context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)


class Sending:
    """One study on its way to the SCP.

    acknowledged: digests by SOP Instance UID of what was answered with Success, the truth that
    everything else is compared with. answers: how often each was heard, "0x0000" and others.
    final_refusals: answers after which a modality would not have come again.
    """

    def __init__(self, peer: DicomDestination, objects: Objects, *, spread_s: float) -> None:
        """Objects leave over about `spread_s` seconds."""
        self.objects = objects
        self.acknowledged: dict[str, str] = {}
        self.answers: Counter[str] = Counter()
        self.final_refusals: set[str] = set()
        self._peer = peer
        self._rest_s = spread_s * SENDERS / max(1, len(objects.encoded))
        self._at_most = len(objects.encoded)
        self._given_up = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._send_share, args=(deque(objects.encoded[n::SENDERS]),), daemon=True
            )
            for n in range(SENDERS)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def hold_at(self, count: int) -> None:
        """Keep back what is not on its way yet, once so many are acknowledged."""
        self._at_most = count

    @property
    def is_finished(self) -> bool:
        """Whether everything was answered with Success."""
        return len(self.acknowledged) == len(self.objects.encoded)

    def finish(self, timeout_s: float) -> None:
        """Wait until everything was answered with Success; raise AssertionError if it is not."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        missing = len(self.objects.encoded) - len(self.acknowledged)
        self.give_up()
        assert not missing, f"{missing} objects were never taken: {dict(self.answers)}"

    def give_up(self) -> None:
        """End the senders."""
        self._given_up.set()
        for thread in self._threads:
            thread.join(60)

    def _send_share(self, share: deque[EncodedObject]) -> None:
        while share and not self._given_up.is_set():
            try:
                with associate(self._peer, [CONTEXT]) as association:
                    self._send_some(association, share)
            except NotAssociatedError as refused:
                rejected = "rejected the association" in refused.comment
                self._note("rejected" if rejected else "not reached", refused.outcome)
                time.sleep(random.uniform(REST_S / 2, REST_S))

    def _send_some(self, association: StorageAssociation, share: deque[EncodedObject]) -> None:
        for _ in range(random.randint(1, LONGEST_ASSOCIATION)):
            if not share or self._given_up.is_set() or not association.is_established:
                return
            time.sleep(random.uniform(0, 2 * self._rest_s))
            while len(self.acknowledged) >= self._at_most and not self._given_up.is_set():
                time.sleep(HOLD_S)
            status = association.store(share[0], CONTEXT).status
            if status is None:
                self._note("no answer", Outcome.RETRY)
                return
            self._note(f"0x{status:04X}", status_rule(status).outcome)
            if status == 0:
                uid = share.popleft().sop_instance_uid
                self.acknowledged[uid] = self.objects.digests[uid]
            else:
                time.sleep(random.uniform(REST_S / 2, REST_S))

    def _note(self, answer: str, outcome: Outcome) -> None:
        self.answers[answer] += 1
        if outcome not in {Outcome.DELIVERED, Outcome.RETRY} or answer == "0x0110":
            self.final_refusals.add(answer)
