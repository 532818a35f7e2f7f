"""What the report says in plain words, for viewers that show nothing else.

All texts are ASCII English; none holds a patient attribute.
"""

from datetime import UTC

from screening.domain.scores import CLASS_TITLES, Class, ClassScores, percent
from screening.report.content import BundleIdentity, ReportContent

RESEARCH_USE = (
    "Research use only, not for diagnosis. A low probability does not exclude disease: "
    "every image must be read."
)
UNTRAINED = (
    "UNTRAINED bundle: its weights are random. The probabilities and the priority mean nothing "
    "and must be ignored."
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


def findings_in_words(content: ReportContent) -> tuple[str, ...]:
    """Return one sentence for the ensemble and one for each member."""
    scores = content.scores
    return (
        f"Ensemble probabilities: {scores_in_words(scores.ensemble)}.",
        *(f"Member {m.member}: {scores_in_words(m.calibrated)}." for m in scores.members),
    )


def provenance_in_words(content: ReportContent) -> str:
    """Return which bundle classified the image, and when (UTC)."""
    bundle = content.bundle
    classified_at = content.classified_at.astimezone(UTC)
    replaces = " Replaces the earlier report on this image." if content.predecessors else ""
    return (
        f"Bundle {bundle.name} {bundle.version} ({'trained' if bundle.trained else 'UNTRAINED'}, "
        f"digest {bundle.digest[:12]}), classified {classified_at:%Y-%m-%d %H:%M:%S} UTC."
        f"{replaces}"
    )
