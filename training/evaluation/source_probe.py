"""How well an image's source can be predicted from a network's penultimate features.

Within one class: COVID-19 of one collection from COVID-19 of another. A network that sees the
disease alone leaves a linear classifier at chance; what it predicts above chance is a way to take
the hospital for the disease. Source: Alain and Bengio 2016, Understanding intermediate layers using
linear classifier probes; Zech et al. 2018, PLOS Medicine 15:e1002683 (radiographs' hospital).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import CLASS_TITLES, Class
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.files import estimate_json
from training.evaluation.ridge import fit_plane
from training.inference.features import penultimate
from training.inference.score_files import FileScorer, input_view_of
from training.metrics.classification import Estimate
from training.metrics.intervals import group_bootstrap
from training.networks.initial import load_network
from training.runs.folder import read_split
from training.runs.held_out_scores import TrainedFold

FOLDS = 5
FEWEST_GROUPS = 10
"""Split groups of a source in a class; a smaller source is left out."""


@dataclass(frozen=True, slots=True)
class ClassProbe:
    """Within one class. told: mean share of each source's images whose source is predicted.

    images: by source.
    """

    klass: Class
    images: Mapping[str, int]
    told: Estimate

    @property
    def chance(self) -> float:
        """The share that guessing would predict."""
        return 1 / len(self.images)


@dataclass(frozen=True, slots=True)
class SourceProbe:
    """Of one network, on images it was not trained on."""

    name: str
    identity: str
    features: int
    classes: tuple[ClassProbe, ...]


def probe_sources(
    fold: TrainedFold, rows: Mapping[str, ImageRow], scorer: FileScorer
) -> SourceProbe:
    """Probe the network of a fold on all images of its split that it was not trained on.

    rows: of the data manifest, by pixels_sha256. Raises TrainingError where no class has two
    sources of enough patients.
    """
    used = read_split(fold.directory)
    held_out = [rows[each.pixels_sha256] for each in used if each.part is not Part.TRAIN]
    large = {klass: _sources_of(held_out, klass) for klass in Class}
    selected = [
        row for row in held_out if row.screening_class and row.source in large[row.screening_class]
    ]
    if not selected:
        raise TrainingError(
            f"expected a class with two sources of at least {FEWEST_GROUPS} patients each among "
            f"the {len(held_out)} images {fold.name} was not trained on, found none; scan more "
            "sources"
        )
    network = penultimate(load_network(fold.run, fold.fold, scorer.architectures))
    features = scorer.outputs(network, input_view_of(fold), [row.path for row in selected])
    classes = []
    for klass in Class:
        places = [place for place, row in enumerate(selected) if row.screening_class is klass]
        if places:
            own = [selected[place] for place in places]
            classes.append(probe_class(klass, features[places], own))
    return SourceProbe(fold.name, fold.record.identity, features.shape[1], tuple(classes))


def probe_class(
    klass: Class, features: NDArray[np.floating], rows: Sequence[ImageRow]
) -> ClassProbe:
    """Return how well a linear classifier predicts rows' sources, cross-validated by group."""
    sources = np.array([row.source for row in rows], dtype=np.str_)
    groups = np.array([row.split_group for row in rows], dtype=np.str_)
    names, true = np.unique(sources, return_inverse=True)
    told = cross_validated(features, true.astype(np.intp), groups)

    def share(chosen: NDArray[np.intp]) -> float | None:
        present = np.unique(true[chosen])
        if len(present) < len(names):
            return None
        right = told[chosen] == true[chosen]
        return float(np.mean([right[true[chosen] == place].mean() for place in present]))

    value = share(np.arange(len(true)))
    counts = dict(sorted(Counter(sources.tolist()).items()))
    return ClassProbe(klass, counts, Estimate(value, group_bootstrap(share, groups)))


def cross_validated(
    features: NDArray[np.floating], true: NDArray[np.intp], groups: NDArray[np.str_]
) -> NDArray[np.intp]:
    """Return each image's class as predicted by a classifier that saw none of its split group.

    features: (images, features); true: (images,) from 0. Groups of each class are dealt to
    `FOLDS` folds in turn, the same at every call.
    """
    fold_of = _dealt(true, groups)
    told = np.zeros(len(true), dtype=np.intp)
    for fold in range(FOLDS):
        selected = fold_of == fold
        learnt, classes = np.unique(true[~selected], return_inverse=True)
        plane = fit_plane(features[~selected], classes.astype(np.intp))
        told[selected] = learnt[plane.values(features[selected]).argmax(axis=1)]
    return told


def _dealt(true: NDArray[np.intp], groups: NDArray[np.str_]) -> NDArray[np.intp]:
    names, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    fold_of_group = np.zeros(len(names), dtype=np.intp)
    for klass in np.unique(true):
        own = np.flatnonzero(true[first] == klass)
        shuffled = np.random.default_rng(int(klass)).permutation(own)
        fold_of_group[shuffled] = np.arange(len(own)) % FOLDS
    return np.asarray(fold_of_group[group_of], dtype=np.intp)


def _sources_of(rows: Sequence[ImageRow], klass: Class) -> frozenset[str]:
    """Return the sources of a class with enough groups; none where fewer than two have."""
    groups: dict[str, set[str]] = {}
    for row in rows:
        if row.screening_class is klass:
            groups.setdefault(row.source, set()).add(row.split_group)
    large = frozenset(name for name, found in groups.items() if len(found) >= FEWEST_GROUPS)
    return large if len(large) > 1 else frozenset()


def probe_json(found: SourceProbe) -> dict[str, Any]:
    """Return plain values."""
    return {
        "network": found.name,
        "run": found.identity,
        "features": found.features,
        "classes": [
            {
                "class": each.klass.value,
                "title": CLASS_TITLES[each.klass],
                "images": dict(each.images),
                "told": estimate_json(each.told),
                "chance": each.chance,
            }
            for each in found.classes
        ],
    }
