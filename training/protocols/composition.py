"""Which images of a manifest a protocol uses, and what each is for."""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from training.data.manifest import ImageRow
from training.data.seeded_order import draw
from training.data.splits import Split, group_folds, group_split
from training.errors import DataError
from training.protocols.phased_folds import phased_fold
from training.protocols.plan import FoldPlan
from training.protocols.protocol import GroupFolds, GroupHoldout, PhasedFolds, Protocol, Stratum

MONITORED_PER_CLASS = 120
"""Of each hospital left out, after each epoch."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The images a protocol draws from a manifest, in the manifest's order.

    strata: the place of each row's stratum in the protocol. account: in words, what was wanted,
    found and drawn of each stratum.
    """

    rows: tuple[ImageRow, ...]
    strata: tuple[int, ...]
    account: tuple[str, ...]


def compose(protocol: Protocol, rows: Sequence[ImageRow], seed: int) -> Composition:
    """Draw a protocol's images: each image once, larger strata under-sampled at random.

    Raises DataError where a stratum that the network is to learn is empty.
    """
    drawn: dict[int, int] = {}
    account = []
    for place, stratum in enumerate(protocol.strata):
        fitting = [i for i, row in enumerate(rows) if i not in drawn and _belongs(row, stratum)]
        if not fitting and stratum.klass:
            raise DataError(
                f"protocol {protocol.name}: expected images of {_in_words(stratum)}, found none "
                "in the manifest; scan the data sets that its passport names"
            )
        chosen = _under_sampled(rows, fitting, stratum.at_most, seed)
        drawn |= dict.fromkeys(chosen, place)
        wanted = "all" if stratum.at_most is None else str(stratum.at_most)
        account.append(
            f"{_in_words(stratum)}: {wanted} wanted, {len(fitting)} found, {len(chosen)} drawn"
        )
    order = sorted(drawn)
    return Composition(
        tuple(rows[i] for i in order), tuple(drawn[i] for i in order), tuple(account)
    )


def plan_fold(
    protocol: Protocol,
    drawn: Composition,
    fold: int,
    seed: int,
    *,
    leave_out: Collection[str] = (),
    stop_by: Collection[str] = (),
) -> FoldPlan:
    """Say what each drawn row is for in one fold, counted from 1; deterministic by seed.

    leave_out: hospitals, or sources, whose images are tested on alone; images of others that share
    a split group with them are left out altogether. stop_by: likewise, but validated on: they say
    when to stop, and what they say of the network flatters. Of those, else of those left out, some
    are monitored.
    Raises DataError where the fold does not exist, there are too few groups, or a name to leave
    out has no image.
    """
    _check_names(drawn, (*leave_out, *stop_by))
    if not 1 <= fold <= protocol.folds:
        raise DataError(f"{protocol.name} has folds 1 to {protocol.folds}, found fold {fold}")
    classes = [protocol.strata[place].klass for place in drawn.strata]
    plan = _planned(protocol, drawn, fold, seed, classes)
    stopping = _left_out(drawn.rows, stop_by)
    alone = _left_out(drawn.rows, leave_out) - stopping
    groups = {drawn.rows[i].split_group for i in alone | stopping}
    plan = plan.without({i for i, row in enumerate(drawn.rows) if row.split_group in groups})
    plan = plan.leaving_out(alone).stopping_by(stopping)
    plan = plan.without({i for i, klass in enumerate(classes) if klass is None})
    _check_classes(protocol, plan, classes)
    unseen = sorted(stopping or alone)
    kinds = [f"{row.hospital} {klass}" for row, klass in zip(drawn.rows, classes, strict=True)]
    return plan.watching(
        _watched(plan.validation, classes, protocol.watched_per_class),
        _watched([i for i in unseen if classes[i]], kinds, MONITORED_PER_CLASS),
    )


def _left_out(rows: Sequence[ImageRow], names: Collection[str]) -> frozenset[int]:
    """Return the images of some hospitals; a name that is no hospital is a source."""
    hospitals = {row.hospital for row in rows} & set(names)
    sources = set(names) - hospitals
    return frozenset(
        i for i, row in enumerate(rows) if row.hospital in hospitals or row.source in sources
    )


def _check_names(drawn: Composition, leave_out: Collection[str]) -> None:
    hospitals = sorted({row.hospital for row in drawn.rows})
    sources = sorted({row.source for row in drawn.rows} - set(hospitals))
    unknown = sorted(set(leave_out) - {*hospitals, *sources})
    if unknown:
        raise DataError(
            f"expected hospitals ({', '.join(hospitals)}) or sources ({', '.join(sources)}) of "
            f"the manifest to leave out, found {', '.join(unknown)}; correct --leave-out"
        )


def _planned(
    protocol: Protocol, drawn: Composition, fold: int, seed: int, classes: Sequence[str | None]
) -> FoldPlan:
    strata = [str(place) for place in drawn.strata]
    match protocol.split:
        case PhasedFolds() as phased:
            return phased_fold(drawn.rows, [klass or "" for klass in classes], phased, fold, seed)
        case GroupFolds(folds=folds):
            return _of_split(group_folds(drawn.rows, folds, seed, classes=strata)[fold - 1], fold)
        case GroupHoldout(train=train, validation=validation, test=test):
            parts = (train, validation, test)
            return _of_split(group_split(drawn.rows, parts, seed, classes=strata), fold)


def _of_split(split: Split, fold: int) -> FoldPlan:
    return FoldPlan(fold=fold, phases=(split.train,), validation=split.validation, test=split.test)


def _belongs(row: ImageRow, stratum: Stratum) -> bool:
    source_fits = not stratum.sources or row.source.startswith(stratum.sources)
    return source_fits and row.label in stratum.labels and not row.duplicate_of


def _under_sampled(
    rows: Sequence[ImageRow], indices: Sequence[int], at_most: int | None, seed: int
) -> list[int]:
    if at_most is None or len(indices) <= at_most:
        return list(indices)
    shuffled = sorted(indices, key=lambda i: draw(seed, rows[i].pixels_sha256))
    seen: Counter[str] = Counter()
    ranked = []
    for i in shuffled:
        ranked.append((seen[rows[i].split_group], i))
        seen[rows[i].split_group] += 1
    return [i for _, i in sorted(ranked, key=lambda pair: pair[0])[:at_most]]


def _watched(
    validation: Sequence[int], classes: Sequence[str | None], per_class: int | None
) -> tuple[int, ...]:
    """Take every n-th validation image of a class, so that at most `per_class` remain."""
    if per_class is None:
        return tuple(validation)
    watched: list[int] = []
    for klass in dict.fromkeys(classes):
        of_class = [i for i in validation if classes[i] == klass]
        watched += of_class[:: max(1, math.ceil(len(of_class) / per_class))]
    return tuple(sorted(watched))


def _check_classes(protocol: Protocol, plan: FoldPlan, classes: Sequence[str | None]) -> None:
    parts = [*((f"phase {n}", part) for n, part in enumerate(plan.phases, 1))]
    parts += [("validation", plan.validation)]
    parts += [("test", plan.test)] if plan.test else []
    for part, indices in parts:
        absent = sorted(set(protocol.classes) - {classes[i] for i in indices if classes[i]})
        if absent:
            raise DataError(
                f"{protocol.name}, fold {plan.fold}, {part}: expected every class, found no image "
                f"of {', '.join(absent)}; add images of other patients of that class"
            )


def _in_words(stratum: Stratum) -> str:
    labels = " or ".join(sorted(stratum.labels))
    return f"{labels} ({', '.join(stratum.sources) or 'any source'})"
