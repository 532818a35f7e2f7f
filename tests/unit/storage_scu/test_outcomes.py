"""What a status or a rejection means for an object."""

import pytest

from screening.storage_scu.outcomes import (
    STATUS_RULES,
    Outcome,
    SendResult,
    rejection_rule,
    status_rule,
)

CASES = [
    (0x0000, Outcome.DELIVERED),
    (0x0001, Outcome.DELIVERED),
    (0x0107, Outcome.DELIVERED),
    (0x0111, Outcome.DELIVERED),
    (0x0116, Outcome.DELIVERED),
    (0xB000, Outcome.DELIVERED),
    (0xB006, Outcome.DELIVERED),
    (0xB007, Outcome.DELIVERED),
    (0xB123, Outcome.DELIVERED),
    (0x0110, Outcome.RETRY),
    (0x0210, Outcome.RETRY),
    (0x0213, Outcome.RETRY),
    (0xA700, Outcome.RETRY),
    (0xA7FF, Outcome.RETRY),
    (0xFE00, Outcome.RETRY),
    (0x0117, Outcome.REFUSED),
    (0x0122, Outcome.REFUSED),
    (0x0124, Outcome.REFUSED),
    (0x0211, Outcome.REFUSED),
    (0x0212, Outcome.REFUSED),
    (0xA900, Outcome.REFUSED),
    (0xA9FF, Outcome.REFUSED),
    (0xC000, Outcome.REFUSED),
    (0xC211, Outcome.REFUSED),
    (0xCFFF, Outcome.REFUSED),
    (0xA800, Outcome.REFUSED),
    (0xFFFF, Outcome.REFUSED),
]


@pytest.mark.parametrize(("status", "outcome"), CASES)
def test_each_status_has_one_consequence(status: int, outcome: Outcome) -> None:
    """Success, warnings and duplicates are delivered; shortages retried; the rest refused."""
    assert status_rule(status).outcome is outcome


def test_every_rule_can_apply() -> None:
    """No rule of the table stands behind another that covers it."""
    applied = {
        status_rule(status)
        for rule in STATUS_RULES
        for status in (rule.first, rule.last, (rule.first + rule.last) // 2)
    }
    assert applied == set(STATUS_RULES)


@pytest.mark.parametrize(
    ("result", "source", "diagnostic", "outcome"),
    [
        (1, 1, 7, Outcome.REFUSED),
        (1, 1, 3, Outcome.REFUSED),
        (2, 1, 7, Outcome.REFUSED),
        (1, 1, 1, Outcome.REFUSED),
        (2, 1, 1, Outcome.RETRY),
        (2, 3, 1, Outcome.RETRY),
        (2, 3, 2, Outcome.RETRY),
        (1, 3, 2, Outcome.RETRY),
        (1, 2, 2, Outcome.REFUSED),
    ],
)
def test_a_rejection_is_judged_by_its_reason(
    result: int, source: int, diagnostic: int, outcome: Outcome
) -> None:
    """A wrong AE title is permanent and congestion transient, whatever the peer calls them."""
    rule = rejection_rule(result, source, diagnostic)
    assert rule.outcome is outcome
    assert rule.advice


@pytest.mark.parametrize(("status", "text"), [(0, "0x0000"), (0xA700, "0xA700"), (None, "")])
def test_a_status_is_written_as_dicom_does(status: int | None, text: str) -> None:
    """Four hexadecimal digits, or nothing where no status came."""
    assert SendResult("x", Outcome.RETRY, "", status=status).status_hex == text
