"""What was measured of networks and bundles, as tables on the terminal."""

from collections.abc import Sequence

from training.console import print_table
from training.evaluation.acceptance import VERDICTS, ReleaseFigure
from training.evaluation.contrast_robustness import ContrastTrial
from training.evaluation.files import (
    in_percent,
    print_classifier,
    print_ensemble_choice,
    print_lines,
)
from training.evaluation.of_bundle import BundleEvaluation
from training.evaluation.source_probe import SourceProbe
from training.outliers.trial import Trial


def print_bundle_evaluation(found: BundleEvaluation) -> None:
    """Print the release figures, then each classifier's tables."""
    if found.leaked:
        print_lines(
            f"{found.leaked} images are of patients that a member was trained on; figures flatter"
        )
    if found.reference:
        print_figures(found.figures)
        print_classifier(found.reference.ensemble, f"{found.part}, reference set")
    for each in (*found.everything.members, *found.own_classes, found.everything.ensemble):
        print_classifier(each, found.part.value)
    print_ensemble_choice(found.everything)


def print_figures(figures: Sequence[ReleaseFigure]) -> None:
    """Print each figure with its bar."""
    print_table(
        "release figures on the reference set; percent (95 % interval)",
        ("figure", "bar", "measured", "", "reference"),
        [
            (
                each.bar.figure,
                f"{'at most' if each.bar.at_most else 'at least'} {100 * each.bar.limit:g}",
                in_percent(each.measured),
                VERDICTS[each.reached],
                each.bar.reference,
            )
            for each in figures
        ],
    )


def print_probes(found: Sequence[SourceProbe]) -> None:
    """Print one row for each class of each network."""
    print_table(
        "source probe: share of images whose source is predicted, within a class; percent (95 % "
        "interval)",
        ("network", "class", "images", "predicted", "chance"),
        [
            (
                probe.name,
                each.klass.value,
                ", ".join(f"{name} {count}" for name, count in each.images.items()),
                in_percent(each.told),
                f"{100 * each.chance:.1f}",
            )
            for probe in found
            for each in probe.classes
        ],
    )


def print_outlier_trial(found: Trial) -> None:
    """Print one row for each kind of image, and the files that pass."""
    print_table(
        f"{found.identity}: what is refused; percent (95 % interval)",
        ("images", "to be", "shown", "refused", "reasons"),
        [
            (
                row.kind,
                "refused" if row.refuse else "scored",
                row.images,
                in_percent(row.refused),
                ", ".join(f"{reason} {count}" for reason, count in row.reasons.items()),
            )
            for row in found.rows
        ],
    )
    for name in found.passed:
        print_lines(f"passed: {name}")


def print_contrast_robustness(found: ContrastTrial) -> None:
    """Print one row for each contrast."""
    images = found.rows[0].found.images
    print_table(
        f"{found.identity}: {images} {found.part} images, other contrasts; percent (95 % interval)",
        ("contrast", *found.rows[0].figures),
        [(row.contrast, *map(in_percent, row.figures.values())) for row in found.rows],
    )
