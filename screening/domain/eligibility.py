"""Decides whether a header may be that of a frontal chest radiograph, by a literal table of rules.

Values that are absent or unknown pass: many CR objects lack a body part, and real files say
Modality CR in a Secondary Capture object. The checks of the pixels come next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from screening.domain.instance import InstanceHeader
from screening.domain.shown_values import BODY_PARTS, MODALITIES, shown_terms, shown_uid


class Reason(StrEnum):
    """Why an object is not applicable. Recorded with the instance."""

    WRONG_SOP_CLASS = "wrong_sop_class"
    WRONG_MODALITY = "wrong_modality"
    FOR_PROCESSING = "for_processing"
    NO_PIXEL_DATA = "no_pixel_data"
    MULTI_FRAME = "multi_frame"
    NOT_GRAYSCALE = "not_grayscale"
    LOCALIZER = "localizer"
    NOT_CHEST = "not_chest"
    NOT_FRONTAL = "not_frontal"
    TOO_YOUNG = "too_young"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    ODD_ASPECT_RATIO = "odd_aspect_ratio"
    BLANK_IMAGE = "blank_image"
    UNLIKE_CHEST_RADIOGRAPH = "unlike_chest_radiograph"
    CONFLICTING_INSTANCE = "conflicting_instance"
    REPEATED_PICTURE = "repeated_picture"
    CORRECTION_WAITING = "correction_waiting"
    CORRECTION_REJECTED = "correction_rejected"
    CORRECTED = "corrected"


REASON_MEANINGS: Mapping[Reason, str] = {
    Reason.WRONG_SOP_CLASS: "its SOP class is not one of radiographs",
    Reason.WRONG_MODALITY: "its modality is not CR or DX",
    Reason.FOR_PROCESSING: "it is meant for processing, not for presentation",
    Reason.NO_PIXEL_DATA: "it has no integer pixels",
    Reason.MULTI_FRAME: "it has more than one frame",
    Reason.NOT_GRAYSCALE: "it is a colour capture",
    Reason.LOCALIZER: "it is a localizer",
    Reason.NOT_CHEST: "it shows another body part than the chest",
    Reason.NOT_FRONTAL: "it is a lateral or oblique view",
    Reason.TOO_YOUNG: "the patient is younger than the models are meant for",
    Reason.TOO_SMALL: "the image is too small",
    Reason.TOO_LARGE: "the image is too large",
    Reason.ODD_ASPECT_RATIO: "the image is too long and narrow",
    Reason.BLANK_IMAGE: "the image is blank or nearly so",
    Reason.UNLIKE_CHEST_RADIOGRAPH: (
        "the image is unlike the frontal chest radiographs that the models were trained on"
    ),
    Reason.CONFLICTING_INSTANCE: (
        "an object with the same SOP Instance UID and other pixels was received before"
    ),
    Reason.REPEATED_PICTURE: (
        "the same image of the same patient and study was received before, encoded differently"
    ),
    Reason.CORRECTION_WAITING: (
        "the same image was received before with other demographics: an operator decides"
    ),
    Reason.CORRECTION_REJECTED: (
        "the same image was received before with other demographics, which remain: an operator "
        "rejected these"
    ),
    Reason.CORRECTED: "an operator accepted a correction that replaces it",
}


@dataclass(frozen=True, slots=True)
class EligibilityRules:
    """What the site screens. Ages in years, sides in pixels; None switches a limit off."""

    minimum_age_years: float | None = None
    minimum_side_pixels: int = 128
    maximum_pixels: int = 100_000_000
    narrowest_aspect_ratio: float = 0.5
    widest_aspect_ratio: float = 2.0
    allow_for_processing: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A coded reason and what was found; `found` never names a patient."""

    reason: Reason
    found: str

    @property
    def meaning(self) -> str:
        """The reason in words."""
        return REASON_MEANINGS[self.reason]


COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DIGITAL_X_RAY_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SOP_CLASSES = frozenset(
    {
        COMPUTED_RADIOGRAPHY,
        DIGITAL_X_RAY_FOR_PRESENTATION,
        DIGITAL_X_RAY_FOR_PROCESSING,
        SECONDARY_CAPTURE,
        SECONDARY_CAPTURE + ".2",  # multi-frame grayscale byte
        SECONDARY_CAPTURE + ".3",  # multi-frame grayscale word
        SECONDARY_CAPTURE + ".4",  # multi-frame true colour
    }
)
RADIOGRAPHY_MODALITIES = frozenset({"CR", "DX"})
CAPTURE_MODALITIES = frozenset({"CR", "DX", "OT", "SC", ""})
"""In a Secondary Capture object; OT and SC do not say how the image was acquired."""

CHEST_WORDS = ("CHEST", "THORA", "TORAX", "LUNG", "PULMON", "POUMON", "CXR")
SPINE = "SPINE"
"""Not the chest, though "THORACIC SPINE" names it."""
CHEST_CODES = frozenset({"T-D3000", "T-28000", "51185008", "43799004", "39607008", "816094009"})
"""Chest, thorax and lung in SRT and SCT. Source: PS3.16 CID 4009 and CID 4031."""
UNSPECIFIC_BODY_PARTS = frozenset({"", "UNKNOWN", "OTHER", "NONE", "UNDEFINED", "NA", "N/A"})

LATERAL_VIEWS = frozenset({"LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"})
"""Lateral, decubitus and oblique values of View Position. Source: PS3.3 C.8.1.1 and C.8.11.2."""
LATERAL_WORDS = ("LATERAL", "OBLIQUE", "DECUBITUS")
LATERAL_CODES = frozenset(
    {
        *("R-102CD", "399067008"),  # lateral
        *("R-10232", "399198007"),  # right lateral
        *("R-10236", "399173006"),  # left lateral
    }
)
"""Lateral projections in SRT and SCT; obliques show in their meaning. Source: PS3.16 CID 4010."""


def _wrong_sop_class(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    return (
        None
        if header.sop_class_uid in SOP_CLASSES
        else f"SOP class {shown_uid(header.sop_class_uid)}"
    )


def _wrong_modality(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    is_capture = header.sop_class_uid.startswith(SECONDARY_CAPTURE)
    accepted = CAPTURE_MODALITIES if is_capture else RADIOGRAPHY_MODALITIES | {""}
    if header.modality in accepted:
        return None
    return f"modality {shown_terms([header.modality], MODALITIES)}"


def _for_processing(header: InstanceHeader, rules: EligibilityRules) -> str | None:
    is_for_processing = (
        header.sop_class_uid == DIGITAL_X_RAY_FOR_PROCESSING
        or header.presentation_intent == "FOR PROCESSING"
    )
    if not is_for_processing or rules.allow_for_processing:
        return None
    return "presentation intent FOR PROCESSING"


def _no_pixel_data(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    return None if header.has_pixel_data else "no pixel data"


def _multi_frame(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    return f"{header.number_of_frames} frames" if header.number_of_frames > 1 else None


def _not_grayscale(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    is_colour = (header.samples_per_pixel or 1) > 1
    if not is_colour or header.modality in RADIOGRAPHY_MODALITIES:
        return None
    return f"{header.samples_per_pixel} samples per pixel"


def _localizer(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    return "image type LOCALIZER" if "LOCALIZER" in header.image_type else None


def _not_chest(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    named = {header.body_part, *header.anatomic_region} - UNSPECIFIC_BODY_PARTS
    if not named or named & CHEST_CODES or any(_names_chest(text) for text in named):
        return None
    return f"body part {shown_terms(named, BODY_PARTS)}"


def _names_chest(text: str) -> bool:
    return SPINE not in text and any(word in text for word in CHEST_WORDS)


def _not_frontal(header: InstanceHeader, _rules: EligibilityRules) -> str | None:
    texts = (header.view_position, *header.view_code)
    lateral = [
        *({header.view_position} & LATERAL_VIEWS),
        *(word for word in LATERAL_WORDS if any(word in text for text in texts)),
        *(f"code {code}" for code in sorted(LATERAL_CODES.intersection(header.view_code))),
    ]
    return f"view {lateral[0]}" if lateral else None


def _too_young(header: InstanceHeader, rules: EligibilityRules) -> str | None:
    age = header.patient_age_years
    if age is None or rules.minimum_age_years is None or age >= rules.minimum_age_years:
        return None
    return f"age below {rules.minimum_age_years:g} years"


def _too_small(header: InstanceHeader, rules: EligibilityRules) -> str | None:
    if header.rows is None or header.columns is None:
        return None
    is_small = min(header.rows, header.columns) < rules.minimum_side_pixels
    return f"{header.rows} x {header.columns} pixels" if is_small else None


def _too_large(header: InstanceHeader, rules: EligibilityRules) -> str | None:
    if header.rows is None or header.columns is None:
        return None
    is_large = header.rows * header.columns > rules.maximum_pixels
    return f"{header.rows} x {header.columns} pixels" if is_large else None


def _odd_aspect_ratio(header: InstanceHeader, rules: EligibilityRules) -> str | None:
    if not header.rows or not header.columns:
        return None
    ratio = header.columns / header.rows
    if rules.narrowest_aspect_ratio <= ratio <= rules.widest_aspect_ratio:
        return None
    return f"{header.rows} x {header.columns} pixels"


Rule = Callable[[InstanceHeader, EligibilityRules], str | None]
RULES: tuple[tuple[Reason, Rule], ...] = (
    (Reason.WRONG_SOP_CLASS, _wrong_sop_class),
    (Reason.WRONG_MODALITY, _wrong_modality),
    (Reason.FOR_PROCESSING, _for_processing),
    (Reason.NO_PIXEL_DATA, _no_pixel_data),
    (Reason.MULTI_FRAME, _multi_frame),
    (Reason.NOT_GRAYSCALE, _not_grayscale),
    (Reason.LOCALIZER, _localizer),
    (Reason.NOT_CHEST, _not_chest),
    (Reason.NOT_FRONTAL, _not_frontal),
    (Reason.TOO_YOUNG, _too_young),
    (Reason.TOO_SMALL, _too_small),
    (Reason.TOO_LARGE, _too_large),
    (Reason.ODD_ASPECT_RATIO, _odd_aspect_ratio),
)
"""In this order; a rule returns what it found where it refuses."""


def screen_header(header: InstanceHeader, rules: EligibilityRules) -> Refusal | None:
    """Return the first rule's refusal, or None if the pixels may be looked at."""
    for reason, rule in RULES:
        found = rule(header, rules)
        if found is not None:
            return Refusal(reason, found)
    return None
