"""Makes a calibration of a site's results: thresholds by ranks, or by labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from screening.calibration.document import (
    CalibrationDocument,
    GreyLevels,
    OfBundle,
    Recalibration,
    Sample,
    SiteRule,
)
from screening.calibration.recalibration import ISOTONIC_FROM, points_of, recalibrate
from screening.db.bundle_rows import ActiveBundle
from screening.domain.alert_budget import AlertBudget, Raised, raised_by, rules_by_rank
from screening.domain.grey_curve import sha256_of
from screening.domain.scores import CLASS_TITLES, Class, ClassScores
from screening.domain.site_calibration import rank_curve
from screening.domain.triage import Measure, Priority, TriageRule, triage
from screening.errors import CalibrationError
from screening.ops.site_calibration.labelled import Labelled
from screening.ops.site_calibration.sample import (
    ScoredImage,
    scores_of_studies,
    studies_per_day,
)

LEAST_IMAGES = 30
LEAST_STUDIES = 20
"""Fewer tell no threshold: the budget counts studies."""
LEAST_LABELLED = 30
"""Labelled studies for a curve."""
LEAST_OF_CLASS = 5
"""Labelled studies with a class, and without it, for a curve of the class."""
FEW_OF_CLASS = 20
FEW_STUDIES = 100


@dataclass(frozen=True, slots=True)
class Request:
    """For whom a calibration is made, and how."""

    bundle: ActiveBundle
    bundle_rules: tuple[TriageRule, ...]
    """The bundle's own, for recalibrated probabilities."""
    calling_ae_title: str
    """"" for the whole site."""
    budget: AlertBudget | None
    """None: the bundle's thresholds, for recalibrated probabilities."""
    made_at: datetime
    grey_levels: GreyLevels | None = None
    """The curve in force that the scores were made with; None: none is."""


@dataclass(frozen=True, slots=True)
class Made:
    """A calibration, and what it raises among the studies that it was made from."""

    document: CalibrationDocument
    raised: tuple[Raised, ...]
    by_bundle: tuple[Raised, ...]
    """What the bundle's own thresholds raise among them."""


def with_grey_levels(
    images: Sequence[ScoredImage], grey_levels: GreyLevels | None
) -> list[ScoredImage]:
    """Return the images whose scores were made with this curve: ranks of others say nothing.

    grey_levels: None for images as they were rendered.
    """
    curve = sha256_of(grey_levels.curve if grey_levels else None)
    return [one for one in images if one.grey_curve_sha256 == curve]


def require_enough(
    images: Sequence[ScoredImage], calling_ae_title: str, *, of_other_levels: int = 0
) -> None:
    """Raise CalibrationError where there are too few images, or studies, to calibrate by.

    of_other_levels: images left out since they were scored with other grey levels.
    """
    studies = len({image.study_instance_uid for image in images})
    if len(images) < LEAST_IMAGES or studies < LEAST_STUDIES:
        whose = f"from {calling_ae_title}" if calling_ae_title else "of this site"
        raise CalibrationError(
            f"expected at least {LEAST_IMAGES} images of {LEAST_STUDIES} studies {whose} with a "
            f"current score of the active bundle, found {len(images)} of {studies} studies"
            f"{_left_out(of_other_levels)}; wait "
            "for more, choose an earlier --since, or have earlier images scored with `screening "
            "reprocess`. Nothing was applied"
        )


def _left_out(of_other_levels: int) -> str:
    if not of_other_levels:
        return ""
    return f", and {of_other_levels} images scored with other grey levels than those in force"


def make_calibration(
    request: Request, images: Sequence[ScoredImage], labelled: Labelled | None
) -> Made:
    """Return the calibration; images: enough by `require_enough`, of the request's grey levels.

    Raises CalibrationError where the labels are too few, or of one class, and ValueError where an
    image was scored with other grey levels.
    """
    if len(with_grey_levels(images, request.grey_levels)) != len(images):
        raise ValueError("expected scores made with one grey-level curve, found others")
    studies = scores_of_studies(images)
    ranks = {klass: rank_curve(study.of(klass) for study in studies) for klass in Class}
    curves, warnings = _recalibrations(labelled) if labelled else ({}, [])
    if request.budget is not None:
        rules = rules_by_rank(request.budget, ranks, studies)
    else:
        rules = tuple(
            TriageRule(r.priority, r.klass, r.at_least, Measure.SITE_PROBABILITY)
            for r in request.bundle_rules
        )
    document = CalibrationDocument(
        bundle=OfBundle(
            name=request.bundle.name,
            version=request.bundle.version,
            digest=request.bundle.digest,
        ),
        calling_ae_title=request.calling_ae_title,
        made_at=request.made_at,
        sample=Sample(
            images=len(images),
            studies=len(studies),
            received_from=min(image.received_at for image in images),
            received_to=max(image.received_at for image in images),
            studies_per_day=studies_per_day(images),
        ),
        grey_levels=request.grey_levels,
        budget=dict(request.budget.shares) if request.budget else {},
        rules=tuple(
            SiteRule.model_validate(
                {
                    "priority": rule.priority,
                    "klass": rule.klass,
                    "at_least": rule.at_least,
                    "measure": rule.measure,
                }
            )
            for rule in rules
        ),
        ranks={klass: points_of(curve) for klass, curve in ranks.items()},
        recalibration=curves,
        warnings=(*_of_sample(len(studies)), *warnings),
    )
    raised = _raised(document, request, studies)
    ties = [one for one in raised if one.allowed and one.studies > one.allowed]
    if ties and request.budget is not None:
        document = document.model_copy(
            update={"warnings": (*document.warnings, *map(_tie_in_words, ties))}
        )
    return Made(document, raised, _raised_by_bundle(request, studies))


def _of_sample(studies: int) -> list[str]:
    if studies >= FEW_STUDIES:
        return []
    few = f"only {studies} studies: the share that is raised may differ much from the budget; "
    return [f"{few}calibrate again from {FEW_STUDIES} on"]


def _tie_in_words(one: Raised) -> str:
    return (
        f"{one.studies} studies reach {one.priority} or more, {one.allowed} are in the budget: "
        "their scores are equal, and equal scores are raised together"
    )


def _recalibrations(labelled: Labelled) -> tuple[dict[Class, Recalibration], list[str]]:
    studies = labelled.studies
    found = {klass: sum(one.klass.value == klass.value for one in studies) for klass in Class}
    if len(studies) < LEAST_LABELLED:
        raise CalibrationError(
            f"expected labels of at least {LEAST_LABELLED} studies with a score, found "
            f"{len(studies)} (without a score: {labelled.without_score}, of another sender or "
            f"time: {labelled.elsewhere}); label more. Nothing was applied"
        )
    if len({one.klass for one in studies}) < 2:  # noqa: PLR2004  two classes
        raise CalibrationError(
            f"expected labels of at least two classes, found {len(studies)} studies of one; add "
            "studies of another class, best of consecutive patients. Nothing was applied"
        )
    curves: dict[Class, Recalibration] = {}
    warnings: list[str] = []
    for klass, count in found.items():
        fewest = min(count, len(studies) - count)
        if fewest < LEAST_OF_CLASS:
            warnings.append(
                f"{CLASS_TITLES[klass]} is not recalibrated: it takes {LEAST_OF_CLASS} labelled "
                f"studies with it and without it, found {count} and {len(studies) - count}"
            )
            continue
        scores = np.array([one.scores.of(klass) for one in studies])
        curves[klass] = recalibrate(
            scores, np.array([one.klass.value == klass.value for one in studies])
        )
        warnings += _of_curve(klass, curves[klass], fewest)
    if not curves:
        raise CalibrationError(
            f"expected {LEAST_OF_CLASS} labelled studies with a class and without it, found "
            + ", ".join(f"{count} of {klass}" for klass, count in found.items())
            + "; label more. Nothing was applied"
        )
    return curves, warnings


def _of_curve(klass: Class, curve: Recalibration, fewest: int) -> list[str]:
    title = CLASS_TITLES[klass]
    warnings = []
    if fewest < FEW_OF_CLASS:
        warnings.append(
            f"{title}: only {curve.with_class} labelled studies with it and {curve.without} "
            f"without; see how wide the intervals are, and label {ISOTONIC_FROM} studies if you can"
        )
    if curve.brier_after >= curve.brier_before:
        warnings.append(
            f"{title}: on labels that the curve was not fitted to, it is no better than the "
            "bundle's own probability"
        )
    return warnings


def _raised(
    document: CalibrationDocument, request: Request, studies: Sequence[ClassScores]
) -> tuple[Raised, ...]:
    calibration = document.calibration(0)
    if request.budget is not None:
        return raised_by(request.budget, calibration.rules, calibration.ranks, studies)
    return _counted([calibration.triage(study).priority for study in studies])


def _raised_by_bundle(request: Request, studies: Sequence[ClassScores]) -> tuple[Raised, ...]:
    return _counted([triage(study, request.bundle_rules).priority for study in studies])


def _counted(priorities: Sequence[Priority]) -> tuple[Raised, ...]:
    """Return how many studies have each priority or a more urgent one; no budget allows them."""
    return tuple(
        Raised(one, sum(found.rank <= one.rank for found in priorities), 0)
        for one in (Priority.STAT, Priority.HIGH, Priority.MEDIUM)
    )
