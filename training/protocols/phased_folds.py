"""The phases of rahimzadeh2020: what each of them trains on."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

from training.data.manifest import ImageRow
from training.data.seeded_order import draw
from training.protocols.plan import FoldPlan
from training.protocols.protocol import PhasedFolds

VALIDATION_FIFTHS = 5


class Kind(StrEnum):
    """What an image is to the phases; the rarest first."""

    COVID19 = "covid19"
    REPOSITORY_PNEUMONIA = "repository_pneumonia"
    PNEUMONIA = "pneumonia"
    NORMAL = "normal"


def phased_fold(
    rows: Sequence[ImageRow], classes: Sequence[str], plan: PhasedFolds, fold: int, seed: int
) -> FoldPlan:
    """Divide rows of the classes covid19, pneumonia and normal into phases and validation.

    fold: from 1. A split group is wholly trained on or wholly validated on. Every phase has all
    COVID-19 and repository pneumonia of the fold's training images; the others go to one phase
    each, the same number to every phase.
    Source: rahimzadeh2020 section 2.2 and figure 3.
    """
    kinds = [_kind(row, klass, plan) for row, klass in zip(rows, classes, strict=True)]
    wanted = wanted_for_training(Counter(kinds), plan, fold)
    trained = _trained_groups(rows, kinds, wanted, plan=plan, fold=fold, seed=seed)
    chosen: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    validation = []
    for index in sorted(range(len(rows)), key=lambda i: draw(seed, rows[i].pixels_sha256)):
        if rows[index].split_group in trained:
            chosen[kinds[index]].append(index)
        else:
            validation.append(index)
    common = chosen[Kind.COVID19] + chosen[Kind.REPOSITORY_PNEUMONIA]
    phases = tuple(
        tuple(
            sorted(
                common
                + _share(chosen[Kind.PNEUMONIA], phase, plan.phases)
                + _share(chosen[Kind.NORMAL], phase, plan.phases)
            )
        )
        for phase in range(plan.phases)
    )
    return FoldPlan(fold=fold, phases=phases, validation=tuple(sorted(validation)))


def wanted_for_training(found: Mapping[Kind, int], plan: PhasedFolds, fold: int) -> dict[Kind, int]:
    """Return how many images of each kind a fold trains on, in all its phases together."""

    def unique(kind: Kind, per_phase: int) -> int:
        spare = found[kind] - found[kind] // VALIDATION_FIFTHS
        return plan.phases * min(per_phase, spare // plan.phases)

    more = 1 if fold == plan.fold_with_one_more else 0
    return {
        Kind.COVID19: round(found[Kind.COVID19] * plan.covid19_share) + more,
        Kind.REPOSITORY_PNEUMONIA: round(
            found[Kind.REPOSITORY_PNEUMONIA] * plan.repository_pneumonia_share
        ),
        Kind.PNEUMONIA: unique(Kind.PNEUMONIA, plan.pneumonias_per_phase),
        Kind.NORMAL: unique(Kind.NORMAL, plan.normals_per_phase),
    }


def _kind(row: ImageRow, klass: str, plan: PhasedFolds) -> Kind:
    if klass == Kind.PNEUMONIA and row.source.startswith(plan.repository):
        return Kind.REPOSITORY_PNEUMONIA
    return Kind(klass)


def _trained_groups(
    rows: Sequence[ImageRow],
    kinds: Sequence[Kind],
    wanted: Mapping[Kind, int],
    *,
    plan: PhasedFolds,
    fold: int,
    seed: int,
) -> set[str]:
    """Fill up with whole groups, kind by kind, beginning elsewhere in each fold.

    A group that would give too many of any kind is validated on.
    """
    content: dict[str, Counter[Kind]] = defaultdict(Counter)
    for row, kind in zip(rows, kinds, strict=True):
        content[row.split_group][kind] += 1
    taken: Counter[Kind] = Counter()
    trained: set[str] = set()
    decided: set[str] = set()
    for kind in Kind:
        groups = sorted((g for g in content if content[g][kind]), key=lambda g: draw(seed, g))
        start = len(groups) * fold // plan.folds
        for group in groups[start:] + groups[:start]:
            if group in decided:
                continue
            decided.add(group)
            if all(taken[k] + n <= wanted[k] for k, n in content[group].items()):
                trained.add(group)
                taken += content[group]
    return trained


def _share(indices: Sequence[int], phase: int, phases: int) -> list[int]:
    """Return an equal part of the indices; what does not divide evenly is in none."""
    size = len(indices) // phases
    return list(indices[phase * size : (phase + 1) * size])
