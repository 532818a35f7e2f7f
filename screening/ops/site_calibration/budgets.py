"""Alert budgets as people type them: "STAT=5%" or "HIGH=8/day"."""

import math
import re
from collections.abc import Sequence

from screening.domain.alert_budget import CLASSES_OF_PRIORITY, LEAST_SHARE, AlertBudget
from screening.domain.triage import Priority

USUAL = "STAT=5%,HIGH=15%,MEDIUM=30%"
NEEDED = (Priority.STAT, Priority.HIGH)
_PART = re.compile(r"([A-Za-z]+)\s*=\s*(\d{1,9}(?:\.\d{1,6})?)\s*(%|/\s*day)", re.ASCII)


def parse_budget(texts: Sequence[str], studies_per_day: float) -> AlertBudget:
    """Return the share of studies for each priority.

    texts: one or more parts each, separated by commas. studies_per_day: of the site, by which a
    number a day becomes a share. A share for MEDIUM is optional; what is left is LOW.
    Raises ValueError that says what was expected and what was found.
    """
    shares: dict[Priority, float] = {}
    for part in ",".join(texts).split(","):
        priority, share = _parsed(part.strip(), studies_per_day)
        if priority in shares:
            raise ValueError(f"expected one budget for {priority}, found two")
        shares[priority] = share
    if missing := [one for one in NEEDED if one not in shares]:
        raise ValueError(
            f"expected a budget for {' and '.join(NEEDED)}, found none for {', '.join(missing)}"
        )
    total = sum(shares.values())
    if total > 1 and not math.isclose(total, 1):
        raise ValueError(
            f"expected at most 100 % of the studies together, found {100 * total:.4g} %"
        )
    return AlertBudget({one: shares[one] for one in CLASSES_OF_PRIORITY if one in shares})


def _parsed(part: str, studies_per_day: float) -> tuple[Priority, float]:
    found = _PART.fullmatch(part)
    names = ", ".join(CLASSES_OF_PRIORITY)
    if found is None or found[1].upper() not in set(CLASSES_OF_PRIORITY):
        raise ValueError(
            f"expected budgets such as {USUAL} or STAT=4/day, of {names}; found {part!r}"
        )
    priority, number = Priority(found[1].upper()), float(found[2])
    if found[3] == "%":
        share, most = number / 100, "100 %"
    else:
        share, most = number / studies_per_day, f"{studies_per_day:.4g}/day, all of its studies"
    if share < LEAST_SHARE or share > 1:
        raise ValueError(
            f"expected a budget for {priority} of {100 * LEAST_SHARE:g} % to {most}, found {part!r}"
        )
    return priority, share
