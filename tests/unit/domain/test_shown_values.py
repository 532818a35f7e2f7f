"""Of free text in a header nothing is repeated but what stands in the standard."""

from dataclasses import replace
from typing import Any

import pytest

from screening.domain.eligibility import EligibilityRules, screen_header
from screening.domain.instance import InstanceHeader
from screening.domain.shown_values import BODY_PARTS, MODALITIES, is_uid, shown_terms, shown_uid

NAME = "DOE^JANE"
CHEST = InstanceHeader(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    sop_instance_uid="1.2.3",
    study_instance_uid="1.2",
    series_instance_uid="1.2.4",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    has_pixel_data=True,
)


@pytest.mark.parametrize("text", [NAME, "", "1.2.3 DOE", "1." * 33, "1.2\n"])
def test_a_text_that_is_no_uid_is_not_repeated(text: str) -> None:
    """Letters, spaces, too long: whatever a peer sends as one."""
    assert (is_uid(text), shown_uid(text)) == (False, "(invalid UID)")


def test_a_uid_is_repeated() -> None:
    """It is what operators look things up by."""
    assert (is_uid("2.25.77"), shown_uid("2.25.77")) == (True, "2.25.77")


def test_terms_are_repeated_and_other_words_are_not() -> None:
    """Several are listed; none of the standard's is said plainly."""
    assert shown_terms(["HAND", NAME, "FOOT"], BODY_PARTS) == "FOOT, HAND"
    assert shown_terms([NAME], MODALITIES) == "(not a standard term)"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"sop_class_uid": NAME}, "SOP class (invalid UID)"),
        ({"modality": NAME}, "modality (not a standard term)"),
        ({"modality": "CT"}, "modality CT"),
        ({"body_part": NAME}, "body part (not a standard term)"),
        ({"body_part": "HAND"}, "body part HAND"),
        ({"anatomic_region": ("DOE", f"HAND OF {NAME}")}, "body part (not a standard term)"),
        ({"view_position": f"LATERAL {NAME}"}, "view LATERAL"),
        ({"view_position": "LL"}, "view LL"),
        ({"view_code": ("399067008", NAME)}, "view code 399067008"),
    ],
    ids=str,
)
def test_a_refusal_says_what_was_found_without_free_text(
    changes: dict[str, Any], found: str
) -> None:
    """It goes into rows, events and command output."""
    refusal = screen_header(replace(CHEST, **changes), EligibilityRules())
    assert refusal is not None
    assert refusal.found == found
