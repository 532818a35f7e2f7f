"""95 % intervals of proportions, after Wilson."""

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval, in the unit of the figure."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Interval | None:
    """Return the interval of a proportion of independent trials, within 0 to 1; None without any.

    Images of one patient are not independent: it is then too narrow.
    Source: Wilson 1927, JASA 22:209, without continuity correction.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 to {trials} successes, found {successes}")
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = (Z_95 / (1 + z2 / trials)) * math.sqrt(
        share * (1 - share) / trials + z2 / (4 * trials**2)
    )
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high)
