"""Prints calibrations: thresholds, what they raise, recalibrated probabilities, warnings."""

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from screening.domain.alert_budget import AlertBudget, budget_in_words
from screening.domain.grey_curve import sha256_of
from screening.domain.scores import CLASS_TITLES, percent

if TYPE_CHECKING:
    from screening.calibration.document import CalibrationDocument, Recalibration
    from screening.db.bundle_rows import ActiveBundle
    from screening.db.calibrations import KeptCalibration
    from screening.domain.scores import Class
    from screening.ops.site_calibration.make import Made


def state_of(one: "KeptCalibration", in_force: AbstractSet[int]) -> str:
    """Return what a calibration does now, in words; in_force: ids."""
    if one.id in in_force:
        return "in force"
    if one.withdrawn_at is not None:
        return f"rolled back by {one.withdrawn_by}"
    return "replaced" if one.of_active_bundle else "void: of another bundle"


def identity(one: "KeptCalibration") -> dict[str, Any]:
    """Return what JSON can hold of a calibration, without its curves."""
    return {
        "calling_ae_title": one.calling_ae_title,
        "version": one.version,
        "bundle_digest": one.document.bundle.digest,
        "made_at": one.made_at,
        "made_by": one.made_by,
        "studies": one.document.sample.studies,
        "sha256": one.sha256,
        "grey_curve_sha256": sha256_of(one.document.grey_curve),
        "has_thresholds": one.document.has_thresholds,
    }


def made_json(made: "Made") -> dict[str, Any]:
    """Return the calibration's file, and how many studies reach each priority."""
    return {
        "calibration": made.document.model_dump(mode="json"),
        "studies_by_calibration": {one.priority.value: one.studies for one in made.raised},
        "studies_by_bundle": {one.priority.value: one.studies for one in made.by_bundle},
    }


def print_made(bundle: "ActiveBundle", made: "Made") -> None:
    """Print a new calibration, and what it raises beside what the bundle's thresholds do."""
    from screening.cli.printing import print_table

    if not bundle.trained:
        print("UNTRAINED bundle: its scores mean nothing, and neither do their ranks.")
    print_document(made.document)
    sample = made.document.sample
    before = {one.priority: one.studies for one in made.by_bundle}
    print_table(
        f"of {sample.studies} studies, at {sample.studies_per_day:.3g} a day",
        ("this priority or more urgent", "studies", "a day", "by the bundle's own thresholds"),
        (
            (
                one.priority,
                f"{one.studies} ({100 * one.studies / sample.studies:.1f} %)",
                f"{one.studies / sample.studies * sample.studies_per_day:.3g}",
                f"{before[one.priority]} ({100 * before[one.priority] / sample.studies:.1f} %)",
            )
            for one in made.raised
        ),
    )


def print_document(document: "CalibrationDocument") -> None:
    """Print a calibration's thresholds, what it was made from, its curves and warnings."""
    sample, bundle = document.sample, document.bundle
    whose = document.calling_ae_title or "the whole site"
    print(
        f"for {whose}, bundle {bundle.name} {bundle.version} ({bundle.digest[:12]}), from "
        f"{sample.images} images of {sample.studies} studies received "
        f"{sample.received_from:%Y-%m-%d} to {sample.received_to:%Y-%m-%d}"
    )
    if document.grey_levels:
        levels = document.grey_levels
        print(
            f"grey levels of {levels.images} images received {levels.received_from:%Y-%m-%d} to "
            f"{levels.received_to:%Y-%m-%d} become those of the training: {levels.curve} (curve "
            f"{levels.curve.sha256[:12]})"
        )
    if document.budget:
        print(f"alert budget: {budget_in_words(AlertBudget(document.budget))}")
    for rule in document.calibration(0).rules:
        print(f"  {rule.priority}: {rule}")
    for klass, one in document.recalibration.items():
        _print_recalibration(klass, one)
    for warning in document.warnings:
        print(f"warning: {warning}")


def _print_recalibration(klass: "Class", one: "Recalibration") -> None:
    parameters = [
        f"{name} {value.value:.2f} ({value.low:.2f} to {value.high:.2f})"
        for name, value in one.intervals.items()
        if name in {"temperature", "offset"}
    ]
    print(
        f"{CLASS_TITLES[klass]} recalibrated ({one.method}{', ' if parameters else ''}"
        f"{', '.join(parameters)}) by {one.with_class} labelled studies with it and {one.without} "
        f"without; mean square error {one.brier_before:.3f}, then {one.brier_after:.3f}"
    )
    for name, value in one.intervals.items():
        if name not in {"temperature", "offset"}:
            print(
                f"  {percent(float(name))} becomes {percent(value.value)} "
                f"(95 % interval {percent(value.low)} to {percent(value.high)})"
            )
