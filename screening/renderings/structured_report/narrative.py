"""What the report says in plain words, for viewers that show nothing else.

All texts are ASCII English; none holds a patient attribute.
"""

from collections.abc import Mapping

from screening.delivery.content import BundleIdentity, ReportContent
from screening.domain.scores import CLASS_TITLES, Class, ClassScores, percent
from screening.domain.triage import Priority

PRIORITY_MEANINGS: Mapping[Priority, str] = {
    Priority.STAT: "read this image at once",
    Priority.HIGH: "read this image before those of lower priority",
    Priority.MEDIUM: "read this image in the usual order",
    Priority.LOW: "this image may wait until those of higher priority are read",
}
RESEARCH_USE = (
    "Research use only, not for diagnosis. A low probability does not exclude disease: "
    "every image must be read."
)
UNTRAINED = (
    "UNTRAINED bundle: its weights are random. The probabilities and the priority mean nothing "
    "and must be ignored."
)
NOT_CALIBRATED = (
    "Not calibrated for this site: the thresholds are those of the hospitals that the bundle was "
    "trained on."
)


def series_description(bundle: BundleIdentity) -> str:
    """Return the Series Description, at most 64 characters."""
    untrained = "" if bundle.trained else "UNTRAINED "
    return f"AI CXR triage {untrained}(RESEARCH USE ONLY)"


def scores_in_words(scores: ClassScores) -> str:
    """Return the three probabilities as people see them; the numeric items hold them in full."""
    return ", ".join(f"{CLASS_TITLES[klass]} {percent(scores.of(klass))}" for klass in Class)


def caution(bundle: BundleIdentity) -> str:
    """Return what a reader must know before reading any number."""
    return RESEARCH_USE if bundle.trained else f"{UNTRAINED} {RESEARCH_USE}"


def priority_in_words(content: ReportContent) -> str:
    """Return the suggested priority and the rule that gave it."""
    untrained = "" if content.bundle.trained else "UNTRAINED, ignore: "
    return (
        f"{untrained}Suggested reading priority {content.triage.priority}, "
        f"because: {content.triage.rule}."
    )


def meaning_in_words(content: ReportContent) -> str:
    """Return what the priority asks a reader to do, and what it is not."""
    priority = content.triage.priority
    return (
        f"What it means: {PRIORITY_MEANINGS[priority]}. It orders the reading list and is not a "
        "finding."
    )


def summary(content: ReportContent) -> tuple[str, ...]:
    """Return what a reader is told first: the priority, what it means, the caution."""
    return priority_in_words(content), meaning_in_words(content), caution(content.bundle)


def findings_in_words(content: ReportContent) -> tuple[str, ...]:
    """Return one sentence for the ensemble and one for each member."""
    scores = content.scores
    return (
        f"Ensemble probabilities: {scores_in_words(scores.ensemble)}.",
        *(f"Member {m.member}: {scores_in_words(m.calibrated)}." for m in scores.members),
    )


def calibration_in_words(content: ReportContent) -> str:
    """Return whether the site has calibrated the bundle, and what its calibration says."""
    calibration = content.calibration
    if calibration is None:
        return NOT_CALIBRATED
    levels = " Grey levels are adapted to this site." if calibration.grey_levels else ""
    if not calibration.has_thresholds:
        return f"{NOT_CALIBRATED}{levels}"
    recalibrated = f" Recalibrated: {calibration.recalibrated}." if calibration.recalibrated else ""
    return (
        f"Calibrated for {calibration.name}, from {calibration.studies} studies of this site: the "
        f"priority compares the image with these.{recalibrated}{levels}"
    )


def provenance_in_words(content: ReportContent) -> str:
    """Return which bundle classified the image, and when, in the zone of `classified_at`."""
    bundle, classified_at = content.bundle, content.classified_at
    replaces = " Replaces the earlier report on this image." if content.predecessors else ""
    if content.revision and content.issued_at:
        replaces = f" Current since {content.issued_at:%Y-%m-%d %H:%M:%S %Z}.{replaces}"
    return (
        f"Bundle {bundle.name} {bundle.version} ({'trained' if bundle.trained else 'UNTRAINED'}, "
        f"digest {bundle.digest[:12]}), classified {classified_at:%Y-%m-%d %H:%M:%S %Z}."
        f"{replaces}"
    )
