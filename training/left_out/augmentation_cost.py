"""What test-time augmentation brings at hospitals that a bundle never saw, and what it costs.

Each view is scored once; every set of views is then compared with the image as it is, on the same
images. A bundle should keep the views that pay at hospitals left out: each costs a forward pass.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.bundles.registry import Bundle
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.input_views import PreparedInput, ViewExtractor
from screening.ensemble.members import EnsembleMember, load_network
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.test_time_augmentation import (
    MIDDLE,
    MIRRORED,
    MIRRORED_MIDDLE,
    OWN,
    augmented_views,
)
from training.data.evenly_spread import evenly_spread
from training.data.hospitals import hospitals_seen
from training.data.manifest import ImageRow
from training.errors import TrainingError
from training.evaluation.files import estimate_json
from training.inference.bundle_inference import in_batches
from training.inference.combination import Combination, ensemble_scores
from training.left_out.figures import AREAS, Figure, LeftOutFigures, left_out_figures
from training.left_out.scores import HospitalScores, scores_of_rows
from training.metrics.classification import Estimate
from training.metrics.intervals import percentile_interval

Views = tuple[str, ...]
SETS: tuple[Views, ...] = (
    (OWN,),
    (MIDDLE,),
    (MIRRORED,),
    (MIRRORED_MIDDLE,),
    (OWN, MIDDLE),
    (OWN, MIRRORED),
    (OWN, MIDDLE, MIRRORED, MIRRORED_MIDDLE),
)
"""Of each member alone: every view, then as bundles can be told to combine them."""
TOGETHER: tuple[Views, ...] = ((OWN,), (OWN, MIDDLE), (OWN, MIRRORED), SETS[-1])
"""Of the members of an ensemble."""


@dataclass(frozen=True, slots=True)
class ScoredViews:
    """Probabilities of each view, and what each costs.

    probabilities: by member and view, (images, classes). cpu_s: by member and view, processor
    seconds an image, of the network alone.
    """

    probabilities: Mapping[tuple[str, str], NDArray[np.float64]]
    cpu_s: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class AugmentationRow:
    """One choice of views for one member, or for each member of the ensemble."""

    who: str
    views: tuple[Views, ...]
    """Of each member that scores."""
    cpu_s: float
    """An image, of the networks alone."""
    areas: Mapping[Figure, Estimate]
    """Mean over the hospitals that count."""
    gains: Mapping[Figure, Estimate]
    """Over the images as they are, with an interval of the difference on the same images."""


def unseen_rows(
    bundle: Bundle, rows: Sequence[ImageRow], most: int | None = None
) -> tuple[ImageRow, ...]:
    """Return the images of hospitals that no member was trained on or chosen by.

    most: of each hospital and label, evenly spread. Raises TrainingError where there are none.
    """
    seen = hospitals_seen(bundle.manifest.provenance)
    groups: dict[tuple[str, str], list[ImageRow]] = {}
    for row in rows:
        if row.hospital not in seen and not row.duplicate_of:
            groups.setdefault((row.hospital, row.label), []).append(row)
    if not seen or not groups:
        raise TrainingError(
            f"expected images of hospitals that {bundle.identity} never saw, found none; it was "
            f"trained on {', '.join(sorted(seen)) or 'what its manifest does not say'}"
        )
    chosen = []
    for own in groups.values():
        chosen += evenly_spread(own, most or len(own))
    return tuple(chosen)


def score_views(
    bundle: Bundle,
    rows: Sequence[ImageRow],
    architectures: Mapping[str, Architecture] = ARCHITECTURES,
) -> ScoredViews:
    """Score every view that a bundle's members have, one at a time.

    Images that the bundle would refuse are scored, too. Raises BundleError where the bundle does
    not load, RejectedInstanceError where a file holds no usable image.
    """
    plain = [_without_augmentation(bundle, member, architectures) for member in _members(bundle)]
    extractor = ViewExtractor.load(bundle.manifest.lung_field, bundle.directory)
    ensemble = Ensemble(bundle, plain, extractor=extractor)
    for member in plain:  # the first call traces the graph
        member.outputs(np.zeros((1, member.spec.height, member.spec.width, 3), np.float32))
    prepared = (ensemble.prepare(read_radiograph(row.path).pixels) for row in rows)
    found: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    spent_s: dict[tuple[str, str], float] = {}
    for batch in in_batches(prepared):
        for key, network, images in _views_of(_members(bundle), plain, batch):
            started_s = time.process_time()
            found.setdefault(key, []).append(network.outputs(images).probabilities)
            spent_s[key] = spent_s.get(key, 0.0) + time.process_time() - started_s
    return ScoredViews(
        {key: np.concatenate(parts).astype(np.float64) for key, parts in found.items()},
        {key: seconds / len(rows) for key, seconds in spent_s.items()},
    )


def _members(bundle: Bundle) -> tuple[Member, ...]:
    return bundle.manifest.members


def _without_augmentation(
    bundle: Bundle, member: Member, architectures: Mapping[str, Architecture]
) -> EnsembleMember:
    alone = member.model_copy(update={"mirrored": False, "inner": None})
    return EnsembleMember(alone, load_network(member, bundle.directory, architectures))


def _views_of(
    members: Sequence[Member], plain: Sequence[EnsembleMember], batch: Sequence[PreparedInput]
) -> Iterator[tuple[tuple[str, str], EnsembleMember, NDArray[np.float32]]]:
    for place, (member, network) in enumerate(zip(members, plain, strict=True)):
        images = np.stack([one.arrays[place] for one in batch])
        views = augmented_views(images, mirrored=member.mirrored, inner=member.inner)
        for name, view in views.items():
            yield (member.name, name), network, np.asarray(view)


def augmentation_rows(
    bundle: Bundle, rows: Sequence[ImageRow], scored: ScoredViews
) -> tuple[AugmentationRow, ...]:
    """Return each member's choices of views, then the ensemble's; the first of each is plain.

    rows: whose images were scored, in order.
    """
    members = _members(bundle)
    found: list[AugmentationRow] = []
    asked: list[tuple[str, Sequence[Member], list[tuple[Views, ...]]]] = [
        (member.name, [member], [(one,) for one in _had(member, SETS)]) for member in members
    ]
    together = [_had(member, TOGETHER) for member in members]
    asked.append(("ensemble", members, list(product(*together))))
    for who, scoring, choices in asked:
        plain: LeftOutFigures | None = None
        for views in choices:
            scores = _scores(bundle, rows, scored, scoring, views)
            figures = left_out_figures([scores])
            plain = plain or figures
            found.append(
                AugmentationRow(
                    who,
                    views,
                    sum(
                        scored.cpu_s[member.name, view]
                        for member, chosen in zip(scoring, views, strict=True)
                        for view in chosen
                    ),
                    {figure: figures.means[figure] for figure in AREAS},
                    {figure: _gain(figures, plain, figure) for figure in AREAS},
                )
            )
    return tuple(found)


def _had(member: Member, sets: Sequence[Views]) -> list[Views]:
    """Return the sets of views that a member has."""
    own = {OWN}
    own |= {MIDDLE} if member.inner is not None else set()
    own |= {MIRRORED} if member.mirrored else set()
    own |= {MIRRORED_MIDDLE} if member.mirrored and member.inner is not None else set()
    return [views for views in sets if own >= set(views)]


def _scores(
    bundle: Bundle,
    rows: Sequence[ImageRow],
    scored: ScoredViews,
    scoring: Sequence[Member],
    views: Sequence[Views],
) -> HospitalScores:
    outputs = [
        (member.classes, np.mean([scored.probabilities[member.name, one] for one in own], axis=0))
        for member, own in zip(scoring, views, strict=True)
    ]
    combination = Combination(
        tuple(member.temperature for member in scoring), tuple(member.weight for member in scoring)
    )
    return scores_of_rows(rows, ensemble_scores(outputs, combination), bundle.manifest.rules)


def _gain(figures: LeftOutFigures, plain: LeftOutFigures, figure: Figure) -> Estimate:
    """Return the mean gain over hospitals; both were resampled alike, so that it is paired."""
    pairs = [
        (own.told[figure], other.told[figure])
        for own, other in zip(figures.hospitals, plain.hospitals, strict=True)
        if figure in own.told and own.told[figure].counts
    ]
    if not pairs:
        return Estimate(None)
    before, after = plain.means[figure].value, figures.means[figure].value
    differences = np.mean([own.resampled - other.resampled for own, other in pairs], axis=0)
    value = None if before is None or after is None else after - before
    return Estimate(value, percentile_interval(differences))


def augmentation_json(found: Sequence[AugmentationRow], images: int) -> dict[str, Any]:
    """Return plain values: fractions, null where no hospital has the classes."""
    return {
        "images": images,
        "rows": [
            {
                "who": row.who,
                "views": [list(views) for views in row.views],
                "cpu_s_an_image": round(row.cpu_s, 4),
                "areas": {name.value: estimate_json(each) for name, each in row.areas.items()},
                "gains": {name.value: estimate_json(each) for name, each in row.gains.items()},
            }
            for row in found
        ],
    }
