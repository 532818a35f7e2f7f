"""One fault's course: what it may ask about the work under way."""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.images import Objects
from tests.faults.installation import Installation
from tests.faults.senders import Sending
from tests.sites.site import START_TIMEOUT_S, wait_until

LOOK_S = 0.01
"""A batch may last a few hundredths of a second."""


class NoEffectError(AssertionError):
    """The plug was pulled too late, or not at all: nothing was tested."""


@dataclass(frozen=True, slots=True)
class Course:
    """The senders at work, and how thorough to be."""

    installation: Installation
    sending: Sending
    is_full: bool

    @property
    def objects(self) -> Objects:
        """What is sent."""
        return self.sending.objects

    def times(self, *, short: int, full: int) -> int:
        """Return how often, in this form."""
        return full if self.is_full else short

    @property
    def waiting(self) -> int:
        """How many images are not where they belong yet."""
        return len(self.objects.encoded) - self.installation.settled(self.objects)

    @contextlib.contextmanager
    def kept_back_after(self, share: float) -> Iterator[None]:
        """Wait until this share is acknowledged, with the rest kept back until the end of this.

        So however fast the objects go, there are some left for the fault. At the end of the block
        the plug must be pulled.
        """
        total = len(self.objects.encoded)
        self.sending.hold_at(int(share * total))
        try:
            self.wait_for(share)
            yield
        finally:
            self.sending.hold_at(total)

    def wait_for_answer(self, answer: str) -> None:
        """Wait until one more object or association is answered so."""
        heard = self.sending.answers[answer]
        wait_until(
            lambda: self.sending.answers[answer] > heard or self.sending.is_finished,
            f"an answer {answer}",
        )

    def wait_for(self, share: float) -> None:
        """Wait until this share of the images, 0 to 1, is acknowledged."""
        wanted = share * len(self.objects.encoded)
        wait_until(lambda: len(self.sending.acknowledged) >= wanted, "objects to be taken")

    def wait_for_claim(self, at_least: int = 1) -> int:
        """Wait until a worker has images under lease; return how many, 0 if it has done all."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            claimed = self.installation.claimed(self.objects)
            if claimed >= at_least:
                return claimed
            if not self.waiting:
                return 0
            time.sleep(LOOK_S)
        raise AssertionError(f"waited {START_TIMEOUT_S} s for a batch to be claimed")

    def pause(self, *, short_s: float, full_s: float) -> None:
        """Let the fault last."""
        time.sleep(full_s if self.is_full else short_s)

    def at_random(self, least_s: float, most_s: float) -> None:
        """Wait for a random time."""
        time.sleep(random.uniform(least_s, most_s))


def require_effect(number: int, what: str) -> str:
    """Say what was done; raise NoEffectError where it was nothing."""
    if not number:
        raise NoEffectError(f"no {what}: the plug was pulled too late to test anything")
    return f"{number} {what}"
