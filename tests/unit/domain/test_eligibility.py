"""Which headers are screened, and why the others are not."""

from dataclasses import replace
from typing import Any

import pytest

from screening.domain.eligibility import (
    REASON_MEANINGS,
    RULES,
    SECONDARY_CAPTURE,
    EligibilityRules,
    Reason,
    screen_header,
)
from screening.domain.instance import InstanceHeader

CHEST = InstanceHeader(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    sop_instance_uid="2.25.1",
    study_instance_uid="2.25.2",
    series_instance_uid="2.25.3",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    modality="CR",
    body_part="CHEST",
    view_position="PA",
    rows=2000,
    columns=1800,
    samples_per_pixel=1,
    has_pixel_data=True,
)
FOR_PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"body_part": ""},
        {"view_position": ""},
        {"rows": None, "columns": None},
        {"sop_class_uid": SECONDARY_CAPTURE, "modality": "CR"},
        {"sop_class_uid": SECONDARY_CAPTURE, "modality": "OT", "body_part": ""},
        {"samples_per_pixel": 3, "photometric_interpretation": "RGB"},
        {"body_part": "TORAX"},
        {"body_part": "PORT CHEST"},
        {"body_part": "UNKNOWN"},
        {"body_part": "", "anatomic_region": ("T-D3000",)},
        {"body_part": "", "anatomic_region": ("51185008", "THORACIC STRUCTURE")},
        {"view_position": "AP", "view_code": ("399348003", "ANTERO-POSTERIOR")},
        {"patient_age_years": 2.0},
    ],
    ids=str,
)
def test_screened(changes: dict[str, Any]) -> None:
    """Frontal chest radiographs pass, and so does what nobody filled in."""
    assert screen_header(replace(CHEST, **changes), EligibilityRules()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.2"}, Reason.WRONG_SOP_CLASS),
        ({"modality": "MG"}, Reason.WRONG_MODALITY),
        ({"sop_class_uid": SECONDARY_CAPTURE, "modality": "US"}, Reason.WRONG_MODALITY),
        ({"sop_class_uid": FOR_PROCESSING_CLASS, "modality": "DX"}, Reason.FOR_PROCESSING),
        ({"presentation_intent": "FOR PROCESSING"}, Reason.FOR_PROCESSING),
        ({"has_pixel_data": False}, Reason.NO_PIXEL_DATA),
        ({"number_of_frames": 2}, Reason.MULTI_FRAME),
        (
            {"sop_class_uid": SECONDARY_CAPTURE, "modality": "OT", "samples_per_pixel": 3},
            Reason.NOT_GRAYSCALE,
        ),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, Reason.LOCALIZER),
        ({"body_part": "HAND"}, Reason.NOT_CHEST),
        ({"body_part": "", "anatomic_region": ("T-D8800", "HIP")}, Reason.NOT_CHEST),
        ({"body_part": "THORACIC SPINE"}, Reason.NOT_CHEST),
        ({"view_position": "LL"}, Reason.NOT_FRONTAL),
        ({"view_position": "RAO"}, Reason.NOT_FRONTAL),
        ({"view_position": "LATERAL"}, Reason.NOT_FRONTAL),
        ({"view_position": "", "view_code": ("399067008",)}, Reason.NOT_FRONTAL),
        ({"rows": 100}, Reason.TOO_SMALL),
        ({"rows": 60_000, "columns": 60_000}, Reason.TOO_LARGE),
        ({"rows": 4000, "columns": 500}, Reason.ODD_ASPECT_RATIO),
    ],
    ids=str,
)
def test_refused(changes: dict[str, Any], reason: Reason) -> None:
    """Each kind of object that is not screened has its own reason, and says what was found."""
    refusal = screen_header(replace(CHEST, **changes), EligibilityRules())
    assert refusal is not None
    assert refusal.reason is reason
    assert refusal.found
    assert refusal.meaning


def test_age_rule() -> None:
    """With a minimum age children are refused, an unknown age is not; the age is not repeated."""
    rules = EligibilityRules(minimum_age_years=16)
    child = screen_header(replace(CHEST, patient_age_years=7.3), rules)
    assert child is not None
    assert child.reason is Reason.TOO_YOUNG
    assert "7" not in child.found
    assert screen_header(replace(CHEST, patient_age_years=16.0), rules) is None
    assert screen_header(CHEST, rules) is None


def test_for_processing_may_be_allowed() -> None:
    """A site may have For Processing images screened."""
    header = replace(CHEST, sop_class_uid=FOR_PROCESSING_CLASS, modality="DX")
    assert screen_header(header, EligibilityRules(allow_for_processing=True)) is None


def test_every_reason_has_a_meaning_and_one_rule_at_most() -> None:
    """The tables are whole."""
    assert set(REASON_MEANINGS) == set(Reason)
    ruled = [reason for reason, _ in RULES]
    assert len(ruled) == len(set(ruled))
