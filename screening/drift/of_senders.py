"""The gauge of each sender, for the page, the metrics, the trace and the commands."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from screening.bundles.reference import read_reference
from screening.bundles.site import find_bundle
from screening.db.bundle_rows import active_bundle
from screening.db.session import Database
from screening.domain.drift import Gauge, Reference, gauge, sentence
from screening.drift.recent_images import newest_senders, recent_images
from screening.errors import BundleError
from screening.settings import Settings

RECENT_S = 60.0


@dataclass(frozen=True, slots=True)
class SenderDrift:
    """How like the known images one sender's recent ones are."""

    calling_ae_title: str
    bundle: str
    """Name and version of the active bundle, whose answers count."""
    gauge: Gauge
    problem: str = ""
    """Why the bundle's known images cannot be looked up, where that is more than that nobody has
    measured them."""

    @property
    def sentence(self) -> str:
        """What a reader needs to know."""
        return sentence(self.gauge, self.calling_ae_title)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "calling_ae_title": self.calling_ae_title,
            "bundle": self.bundle,
            "images": self.gauge.images,
            "likeness": self.gauge.likeness.value,
            "sentence": self.sentence,
            "problem": self.problem,
            "aspects": [
                {
                    "aspect": one.aspect.value,
                    "likeness": one.likeness.value,
                    "images": one.images,
                    "measured": asdict(one.measured) if one.measured else None,
                    "nearest": one.nearest,
                }
                for one in self.gauge.findings
            ],
        }


def read_drift(
    database: Database, settings: Settings, calling_ae_title: str | None = None
) -> tuple[SenderDrift, ...]:
    """Return the gauge of each sender, the one that sent most recently first.

    calling_ae_title: of the one that is wanted, whether or not it ever sent; None: of those that
    sent most recently. Empty where no bundle is active. Raises DatabaseUnavailableError.
    """
    active = active_bundle(database)
    if active is None:
        return ()
    reference, problem = _reference_of(settings, active.digest)
    with database.read() as session:
        senders = [calling_ae_title] if calling_ae_title else newest_senders(session)
        return tuple(
            SenderDrift(
                sender,
                f"{active.name} {active.version}",
                gauge(recent_images(session, sender, active.id), reference),
                problem,
            )
            for sender in senders
        )


def _reference_of(settings: Settings, digest: str) -> tuple[Reference, str]:
    """Return what a bundle says of the images that it knows, or why that cannot be read.

    A bundle that is not on this machine, or a damaged file, must not end what is asked beside it:
    the gauge then says what it cannot tell.
    """
    try:
        return read_reference(find_bundle(settings, digest)), ""
    except BundleError as error:
        return (), str(error)


class RecentDrift:
    """The gauges as of at most RECENT_S ago: they are asked for with every page and scrape."""

    def __init__(
        self, read: Callable[[], tuple[SenderDrift, ...]], *, recent_s: float = RECENT_S
    ) -> None:
        """Take what reads the gauges now."""
        self._read, self._recent_s = read, recent_s
        self._lock = threading.Lock()
        self._read_at_s = float("-inf")
        self._found: tuple[SenderDrift, ...] = ()

    def __call__(self) -> tuple[SenderDrift, ...]:
        """Return the gauge of each sender. Raises DatabaseUnavailableError."""
        with self._lock:
            if time.monotonic() - self._read_at_s > self._recent_s:
                self._found = self._read()
                self._read_at_s = time.monotonic()
            return self._found
