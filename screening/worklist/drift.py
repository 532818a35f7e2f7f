"""What readers are told where images are unlike those that the bundle knows."""

from collections.abc import Iterable, Sequence

from screening.domain.drift import Likeness
from screening.drift.of_senders import SenderDrift


def drift_warnings(drift: Sequence[SenderDrift], senders: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each of these calling AE titles whose images are unlike all known."""
    shown = set(senders)
    return tuple(
        one.sentence
        for one in drift
        if one.gauge.likeness is Likeness.UNLIKE and one.calling_ae_title in shown
    )
