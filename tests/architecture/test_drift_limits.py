"""The limits of drift stand in the runbook as the program has them."""

import re
from pathlib import Path

from screening.domain.drift import LIMITS

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def test_the_runbook_has_the_limits_of_each_aspect() -> None:
    """In order, with both limits; where an aspect never says unlike, it says so."""
    text = RUNBOOK.read_text(encoding="utf-8")
    section = text.split("## Images unlike those that the bundle knows")[1].split("\n## ")[0]
    rows = re.findall(
        r"^\| ([a-z ]+) \| .+ \| ([\d.]+) \| ([\d.]+|never).* \|$", section, re.MULTILINE
    )
    assert rows == [
        (aspect.value, f"{limit.shifted:g}", f"{limit.unlike:g}" if limit.unlike else "never")
        for aspect, limit in LIMITS.items()
    ]
