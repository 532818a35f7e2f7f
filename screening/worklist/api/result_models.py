"""The results of a study, as the REST interface describes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from screening.db.calibration_state import CalibrationState
from screening.domain.shown_values import shown_uid
from screening.worklist.studies.study import HistoryLine, InstanceDetail

WHOLE_SITE = "the whole site"
"""What a calibration for every calling AE title is listed under."""


class OfRow(BaseModel):
    """What is read from an object with the same names."""

    model_config = ConfigDict(from_attributes=True)


class Probabilities(OfRow):
    """Of the three classes, each 0 to 1, adding up to 1."""

    covid19: float
    pneumonia: float
    normal: float


class Member(OfRow):
    """One member of the ensemble."""

    member: str
    raw: Annotated[
        Mapping[str, float], Field(description="By the member's own classes, uncalibrated.")
    ]
    calibrated: Probabilities


class Delivery(OfRow):
    """One report for one destination."""

    destination: str
    state: str
    attempts: int
    status: str
    message: str
    delivered_at: datetime | None


class Report(OfRow):
    """One report, written in one way."""

    profile: str
    sop_instance_uid: str
    made_at: datetime
    deliveries: Sequence[Delivery]


class ImageResult(OfRow):
    """What one bundle made of one image."""

    stands: Annotated[bool, Field(description="This is the result that counts for the image.")]
    state: str
    reason: Annotated[str, Field(description="Why there is no score, in words; empty with one.")]
    lane: str
    attempts: int
    bundle: str
    bundle_digest: str
    untrained: bool
    by_active_bundle: bool
    ensemble: Probabilities | None
    members: Sequence[Member]
    priority: str
    rule: Annotated[str, Field(description="The rule that fired, in words.")]
    calibration: Annotated[
        str, Field(description="The site's own that gave the priority; empty: the bundle's rules.")
    ]
    recalibrated: Annotated[str, Field(description="The probabilities by it, in words.")]
    finished_at: datetime | None
    timings_s: Annotated[Mapping[str, Any], Field(description="Seconds by step.")]
    image_statistics: Annotated[
        Mapping[str, Any], Field(description="By which drift is told, by name.")
    ]
    render_path: Annotated[Mapping[str, Any], Field(description="How the pixels became a picture.")]
    report_state: str
    report_error: str
    reports: Sequence[Report]


class ImageResults(OfRow):
    """One image and its results, the one that stands first."""

    sop_instance_uid: str
    sha256: str
    calling_ae_title: str
    received_at: datetime
    state: str
    results: Sequence[ImageResult]


class TraceLine(OfRow):
    """One event of the audit trail, in words."""

    at: datetime
    sop_instance_uid: str | None
    text: str


class SiteCalibrations(BaseModel):
    """The site's own calibrations, each a version by calling AE title, or `the whole site`."""

    in_force: Annotated[
        Mapping[str, int], Field(description="Empty where the site has not calibrated.")
    ]
    void: Annotated[Mapping[str, int], Field(description="Of another bundle than the active one.")]


class StudyResults(BaseModel):
    """Every result of a study, what decided it, and everything that happened to it."""

    study_instance_uid: str
    notice: str
    active_bundle: Annotated[str | None, Field(description="Name and version of what scores now.")]
    calibrations: SiteCalibrations
    images: Sequence[ImageResults]
    trace: Sequence[TraceLine]


def calibrations_of(state: CalibrationState) -> SiteCalibrations:
    """Return which calibrations are in force, and which are void."""
    return SiteCalibrations(
        in_force={title or WHOLE_SITE: version for title, version in state.in_force.items()},
        void={title or WHOLE_SITE: version for title, version in state.void.items()},
    )


def results_of(instances: Sequence[InstanceDetail]) -> list[ImageResults]:
    """Return the results by image; UIDs that are none are redacted."""
    found = [ImageResults.model_validate(one) for one in instances]
    for one in found:
        one.sop_instance_uid = shown_uid(one.sop_instance_uid)
    return found


def trace_of(history: Sequence[HistoryLine]) -> list[TraceLine]:
    """Return the audit trail of a study; UIDs that are none are redacted."""
    return [
        TraceLine(
            at=line.at,
            sop_instance_uid=shown_uid(line.sop_instance_uid) if line.sop_instance_uid else None,
            text=line.text,
        )
        for line in history
    ]
