"""A calibration's file: what it is of, what it was made from, ranks, rules and curves.

It names its bundle by digest and holds scores, counts and times alone: no UID, no patient.
"""

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from screening.domain.grey_curve import GREY_LEVELS, GreyCurve
from screening.domain.scores import Class
from screening.domain.site_calibration import Interpolated, Logistic, SiteCalibration
from screening.domain.triage import Measure, Priority, TriageRule
from screening.errors import CalibrationError

LARGEST_FILE_BYTES = 1_000_000
MOST_POINTS = 1000
"""Of one curve."""
THE_WHOLE_SITE = "the whole site"
_ERRORS_SHOWN = 3

GreyLevel = Annotated[int, Field(ge=0, lt=GREY_LEVELS)]
Share = Annotated[float, Field(ge=0, le=1)]
Points = Annotated[tuple[Share, ...], Field(min_length=1, max_length=MOST_POINTS)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OfBundle(_Part):
    """The bundle whose scores it is of."""

    name: str
    version: str
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Sample(_Part):
    """The results that it was made from."""

    images: Annotated[int, Field(ge=1)]
    studies: Annotated[int, Field(ge=1)]
    received_from: datetime
    received_to: datetime
    studies_per_day: Annotated[float, Field(gt=0)]


class GreyLevels(_Part):
    """The site's grey-level curve, and the images that it was drawn from."""

    images: Annotated[int, Field(ge=1)]
    received_from: datetime
    received_to: datetime
    becomes: Annotated[tuple[GreyLevel, ...], Field(min_length=GREY_LEVELS, max_length=GREY_LEVELS)]
    """Of each level from 0, black, to 255, white."""

    @model_validator(mode="after")
    def _never_falls(self) -> Self:
        if any(b < a for a, b in pairwise(self.becomes)):
            raise ValueError("expected levels that do not descend")
        return self

    @property
    def curve(self) -> GreyCurve:
        """The curve itself."""
        return GreyCurve(self.becomes)


class CurvePoints(_Part):
    """A curve through points: `Interpolated`."""

    at: Points
    values: Points

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.at) != len(self.values):
            raise ValueError("expected as many values as places")
        if any(b <= a for a, b in zip(self.at, self.at[1:], strict=False)) or any(
            b < a for a, b in zip(self.values, self.values[1:], strict=False)
        ):
            raise ValueError("expected places that ascend, and values that do not descend")
        return self


class Interval(_Part):
    """A figure with its 95 % interval, by resampling."""

    value: float
    low: float
    high: float


class Recalibration(_Part):
    """One class's curve from the bundle's probability to the site's."""

    method: Literal["logistic", "isotonic"]
    temperature: Annotated[float, Field(gt=0)] | None = None
    offset: float | None = None
    points: CurvePoints | None = None
    with_class: int
    """Labelled studies of the class."""
    without: int
    """Labelled studies of another class."""
    intervals: dict[str, Interval] = Field(default_factory=dict)
    """The recalibrated probability of some scores, "0.5" for one; temperature and offset."""
    brier_before: float
    """Mean square of the difference to the labels; the bundle's."""
    brier_after: float
    """Likewise, recalibrated, each fifth of the labels by a curve fitted to the others."""

    @model_validator(mode="after")
    def _has_a_curve(self) -> Self:
        logistic = self.temperature is not None and self.offset is not None
        if (self.method == "logistic") != logistic or (self.method == "isotonic") != (
            self.points is not None
        ):
            raise ValueError("expected temperature and offset, or points, as the method says")
        return self

    @property
    def curve(self) -> Logistic | Interpolated:
        """The curve itself."""
        if self.points is not None:
            return Interpolated(self.points.at, self.points.values)
        return Logistic(self.temperature or 1.0, self.offset or 0.0)


class SiteRule(_Part):
    """One line of the site's triage table."""

    priority: Priority
    klass: Class
    at_least: Share
    measure: Measure


class CalibrationDocument(_Part):
    """The content of a calibration's file."""

    schema_version: Literal[1] = 1
    bundle: OfBundle
    calling_ae_title: Annotated[str, Field(max_length=16, pattern=r"^[ -\[\]-~]*$")]
    """"" for the whole site."""
    made_at: datetime
    sample: Sample
    budget: dict[Priority, Share] = Field(default_factory=dict)
    """The share of the studies for each priority; empty where the rules look at probabilities."""
    grey_levels: GreyLevels | None = None
    """None: images are scored as they are rendered."""
    rules: Annotated[tuple[SiteRule, ...], Field(min_length=1, max_length=20)]
    """The bundle's own where it has a grey-level curve alone, and ranks are still to come."""
    ranks: dict[Class, CurvePoints]
    """Of every class; none where the rules are the bundle's own."""
    recalibration: dict[Class, Recalibration] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.rules[0].measure is Measure.PROBABILITY:
            if self.ranks or self.recalibration or self.budget or self.grey_levels is None:
                raise ValueError("expected a grey-level curve alone beside the bundle's own rules")
        elif set(self.ranks) != set(Class):
            raise ValueError(f"expected ranks of {', '.join(Class)}")
        if len({rule.measure for rule in self.rules}) > 1:
            raise ValueError("expected rules of one measure, found two")
        if self.rules[0].measure is Measure.SITE_PROBABILITY and not self.recalibration:
            raise ValueError("expected a recalibration for rules by recalibrated probabilities")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Files that were written before there were curves keep their bytes, and so their digest.
        content: dict[str, Any] = handler(self)
        if self.grey_levels is None:
            del content["grey_levels"]
        return content

    @property
    def grey_curve(self) -> GreyCurve | None:
        """What the images' levels become before they are scored; None: they stay."""
        return self.grey_levels.curve if self.grey_levels else None

    @property
    def has_thresholds(self) -> bool:
        """Whether its rules are the site's, or the bundle's own under a grey-level curve."""
        return bool(self.ranks)

    @property
    def is_by_rank(self) -> bool:
        """Whether its rules look at ranks."""
        return self.rules[0].measure is Measure.RANK

    def calibration(self, version: int) -> SiteCalibration:
        """Return what it does, named for people."""
        return SiteCalibration(
            name=calibration_name(self.calling_ae_title, version),
            ranks={
                klass: Interpolated(points.at, points.values, reaches_ends=True)
                for klass, points in self.ranks.items()
            },
            curves={klass: one.curve for klass, one in self.recalibration.items()},
            rules=tuple(
                TriageRule(rule.priority, rule.klass, rule.at_least, rule.measure)
                for rule in self.rules
            ),
            grey_curve=self.grey_curve,
        )


def calibration_name(calling_ae_title: str, version: int) -> str:
    """Return how people find a calibration: "CR1 version 2"."""
    return f"{calling_ae_title or THE_WHOLE_SITE} version {version}"


def levels_in_words(document: CalibrationDocument) -> str:
    """Return which grey-level curve images are scored with; "" where they stay as rendered."""
    levels = document.grey_levels
    if levels is None:
        return ""
    return (
        f"brought to those of the training by one curve of {levels.images} images of this site, "
        f"sha256 {levels.curve.sha256}"
    )


def document_bytes(document: CalibrationDocument) -> bytes:
    """Return the file's content; the same document gives the same bytes."""
    return (document.model_dump_json(indent=2) + "\n").encode()


def document_sha256(document: CalibrationDocument) -> str:
    """Return the SHA-256 of the file, 64 hexadecimal digits."""
    return hashlib.sha256(document_bytes(document)).hexdigest()


def parse_document(content: bytes, where: str) -> CalibrationDocument:
    """Return the document that a file holds; where: the file's name, for the message.

    Raises CalibrationError with the field and what was expected there.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise CalibrationError(
            f"{where}: expected a calibration of at most {LARGEST_FILE_BYTES} bytes, found "
            f"{len(content)}; name a file that `screening site calibrate` wrote"
        )
    try:
        return CalibrationDocument.model_validate_json(content)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(str(step) for step in one['loc']) or 'file'}: {one['msg']}"
            for one in error.errors()[:_ERRORS_SHOWN]
        )
        raise CalibrationError(
            f"{where}: expected a calibration, found {found}; name a file that "
            "`screening site calibrate` wrote"
        ) from None
