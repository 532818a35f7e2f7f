"""What a report is made of, and what is made of it."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from screening.domain.heat_map import HeatMap
from screening.domain.scores import EnsembleScores
from screening.domain.triage import Triage


@dataclass(frozen=True, slots=True)
class MemberIdentity:
    """One network of a bundle."""

    name: str
    architecture: str
    weights_sha256: str
    """Hexadecimal, of its weight file."""
    input_height: int
    """Pixels."""
    input_width: int
    """Pixels."""
    weight: float
    """Its share in the ensemble's weighted mean; all together need not add up to 1."""


@dataclass(frozen=True, slots=True)
class BundleIdentity:
    """The bundle that classified an image."""

    name: str
    version: str
    digest: str
    """Hexadecimal SHA-256 of the bundle."""
    trained: bool
    members: tuple[MemberIdentity, ...]


@dataclass(frozen=True, slots=True)
class CalibrationIdentity:
    """The site's own calibration that gave an image its priority."""

    name: str
    """Whose it is, and its version."""
    sha256: str
    """Hexadecimal, of its file."""
    rules: tuple[str, ...]
    """In words, the most urgent first."""
    studies: int
    """Of the site, that it was made from."""
    recalibrated: str
    """The image's probabilities, recalibrated with the site's labels, in words; "" without."""
    has_thresholds: bool = True
    """Whether the rules are the site's; else they are the bundle's, under a grey-level curve."""
    grey_levels: str = ""
    """The site's grey-level curve that the image was scored with, in words; "" without."""


@dataclass(frozen=True, slots=True)
class ReportReference:
    """The UIDs by which a later report names an earlier one."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class HeatMapPicture:
    """The heat-maps of a result and the radiograph that they lie over."""

    maps: tuple[HeatMap, ...]
    """Of each member and class."""
    radiograph_png: bytes
    """Reduced, 8 bits of grey, MONOCHROME2 sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """One report, whole: to be stored and sent as is."""

    sop_instance_uid: str
    """What it is known by: derived, so that a repeated report is the same report."""
    study_instance_uid: str
    encoded: bytes
    sop_class_uid: str = ""
    """Empty, as the next, where it is no DICOM object."""
    series_instance_uid: str = ""

    @property
    def reference(self) -> ReportReference:
        """How a later report names this one as its predecessor."""
        return ReportReference(
            self.sop_class_uid,
            self.sop_instance_uid,
            self.study_instance_uid,
            self.series_instance_uid,
        )


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Everything a report says beside its image's header."""

    scores: EnsembleScores
    """Of the members in any order, named as the bundle names them."""
    triage: Triage
    bundle: BundleIdentity
    classified_at: datetime
    """Aware, in the site's zone."""
    calibration: CalibrationIdentity | None = None
    """None: the priority is by the bundle's thresholds, which are not calibrated for the site."""
    predecessors: tuple[ReportReference, ...] = ()
    """Earlier reports on the same image, of the same rendering, that this one supersedes."""
    series_started_at: datetime | None = None
    """Aware, when the first of the series was classified; None where this is the first."""
    issued_at: datetime | None = None
    """Aware, when the result became the current one, where it did so after another one. It dates
    the report, and else `classified_at` does, so that the same row gives the same bytes."""
    companions: tuple[ReportReference, ...] = ()
    """Structured reports on the same result, made before or together with this document; empty for
    a structured report itself."""
    heat_maps: HeatMapPicture | None = None
    """Of a rendering that needs them; None for any other."""
    revision: int = 0
    """How many reports by the same bundle there were before."""

    @property
    def dated(self) -> datetime:
        """The moment that the report is of."""
        return self.issued_at or self.classified_at


def in_zone(content: ReportContent, zone: tzinfo | None) -> ReportContent:
    """Return the content with its moments in a zone; None: the machine's."""
    started_at, issued_at = content.series_started_at, content.issued_at
    return replace(
        content,
        classified_at=content.classified_at.astimezone(zone),
        series_started_at=started_at.astimezone(zone) if started_at else None,
        issued_at=issued_at.astimezone(zone) if issued_at else None,
    )
