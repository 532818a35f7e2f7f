"""Scores of networks for images of hospitals that were left out of their training."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import Class, ClassScores
from screening.domain.triage import TriageRule, triage
from training.data.hospitals import Adult
from training.data.manifest import ImageRow, Label

Floats = NDArray[np.float64]
Strings = NDArray[np.str_]
Flags = NDArray[np.bool_]


class Kind(StrEnum):
    """What an image shows, as coarsely as the worklist needs."""

    COVID19 = "covid19"
    NORMAL = "normal"
    OTHER = "other"
    """Another disease: a pneumonia, tuberculosis, any other finding."""


def kind_of(label: Label) -> Kind:
    """Return what an image of a label shows."""
    return {Label.COVID19: Kind.COVID19, Label.NORMAL: Kind.NORMAL}.get(label, Kind.OTHER)


@dataclass(frozen=True, slots=True)
class HospitalScores:
    """Scores for images of the hospitals that one training run left out.

    scores: (images, 3), the ensemble's three classes in the order of `Class`, 0 to 1. kinds,
    hospitals, groups: (images,). children: (images,) whether the hospital's patients are children.
    priorities: (images,) by thresholds that were chosen on other hospitals.
    """

    scores: Floats
    kinds: Strings
    hospitals: Strings
    groups: Strings
    children: Flags
    priorities: Strings

    def only(self, chosen: Flags) -> "HospitalScores":
        """Return the images where `chosen`, (images,), is true."""
        return HospitalScores(
            self.scores[chosen],
            self.kinds[chosen],
            self.hospitals[chosen],
            self.groups[chosen],
            self.children[chosen],
            self.priorities[chosen],
        )

    @property
    def covid19(self) -> Floats:
        """The COVID-19 score of each image."""
        return self.scores[:, list(Class).index(Class.COVID19)]

    @property
    def abnormal(self) -> Floats:
        """How far each image is from a certain normal, 0 to 1."""
        return np.asarray(1 - self.scores[:, list(Class).index(Class.NORMAL)])


def scores_of_rows(
    rows: Sequence[ImageRow], scores: Floats, rules: Sequence[TriageRule]
) -> HospitalScores:
    """Return the scores of rows of a manifest; rules: chosen on images of other hospitals."""
    priorities = [triage(ClassScores(*row), rules).priority for row in scores.tolist()]
    return HospitalScores(
        scores=scores,
        kinds=np.array([kind_of(row.label) for row in rows], dtype=np.str_),
        hospitals=np.array([row.hospital for row in rows], dtype=np.str_),
        groups=np.array([row.split_group for row in rows], dtype=np.str_),
        children=np.array([row.adult is Adult.NO for row in rows], dtype=bool),
        priorities=np.array(priorities, dtype=np.str_),
    )


def joined_scores(found: Sequence[HospitalScores]) -> HospitalScores:
    """Return several runs' scores as one."""
    return HospitalScores(
        np.concatenate([each.scores for each in found]),
        np.concatenate([each.kinds for each in found]),
        np.concatenate([each.hospitals for each in found]),
        np.concatenate([each.groups for each in found]),
        np.concatenate([each.children for each in found]),
        np.concatenate([each.priorities for each in found]),
    )
