"""Who is trained on, who is tested on. Whole split groups move together, unless said otherwise.

Every function is deterministic by its seed and by the rows, not by their order. `classes`, where a
function takes it, is the class of each row that is to be spread evenly; by default the label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from training.data.manifest import ImageRow
from training.data.stratify import check_enough_groups, spread_groups
from training.errors import DataError

PUBLISHED_PARTS: Mapping[str, str] = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}


class Part(StrEnum):
    """What a row is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    UNUSED = "unused"
    """In no part, because its group would be on both sides."""


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of rows by part, ascending; every row is in exactly one.

    leaks_groups: patients or duplicates may be on both sides, so that figures come out too good;
    only where a paper's protocol asks for it, and to be said beside every figure.
    """

    name: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    unused: tuple[int, ...] = ()
    leaks_groups: bool = False


def group_folds(
    rows: Sequence[ImageRow], folds: int, seed: int, *, classes: Sequence[str] | None = None
) -> tuple[Split, ...]:
    """Return k-fold splits by split group; the held-out fold is `validation`, `test` is empty.

    Classes, and sources within a class, are spread as evenly as whole groups allow. Raises
    DataError where folds is below 2 or a class has fewer groups than folds.
    """
    return _folds(rows, [row.split_group for row in rows], folds, seed, classes)


def image_folds(
    rows: Sequence[ImageRow], folds: int, seed: int, *, classes: Sequence[str] | None = None
) -> tuple[Split, ...]:
    """Return k-fold splits by image, as rahimzadeh2020 and khan2020 did; they leak groups."""
    return _folds(rows, _each_alone(rows), folds, seed, classes, leaks_groups=True)


def group_split(
    rows: Sequence[ImageRow],
    fractions: tuple[float, float, float],
    seed: int,
    *,
    classes: Sequence[str] | None = None,
) -> Split:
    """Return training, validation and test parts by split group.

    fractions: of training, validation and test, adding up to 1; 0 leaves a part empty. Raises
    DataError where a class has fewer groups than parts; a part smaller than one group of a class
    may still be without it.
    """
    groups = [row.split_group for row in rows]
    return _three_parts("by split group", rows, groups, fractions, seed=seed, classes=classes)


def image_split(
    rows: Sequence[ImageRow],
    fractions: tuple[float, float, float],
    seed: int,
    *,
    classes: Sequence[str] | None = None,
) -> Split:
    """Return training, validation and test parts by image, as soares2020 did; they leak groups."""
    return _three_parts(
        "by image",
        rows,
        _each_alone(rows),
        fractions,
        seed=seed,
        classes=classes,
        leaks_groups=True,
    )


def published_split(rows: Sequence[ImageRow]) -> Split:
    """Return the parts in which the data sets were published; groups may be in several.

    Raises DataError where a row's data set says nothing.
    """
    parts: list[Part] = []
    for row in rows:
        if row.published_split not in PUBLISHED_PARTS:
            raise DataError(
                f"expected a published split (train, val or test) of {row.path}, found "
                f"{row.published_split!r}; take such images out, or split by group"
            )
        parts.append(Part(PUBLISHED_PARTS[row.published_split]))
    return _of_parts("as published", parts, leaks_groups=True)


def leave_one_source_out(
    rows: Sequence[ImageRow],
    seed: int,
    *,
    validation_fraction: float = 0.0,
    collection_of: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
) -> tuple[Split, ...]:
    """Return one split for every source: it is the test part, the others are trained on.

    Images of other sources whose group also is in the source left out are `unused`.
    validation_fraction: of the others, by group, 0 up to below 1. collection_of: a common name
    for sources that are one collection (the same images twice) and have to be left out together.
    Raises DataError where there is a single source.
    """
    sources = [(collection_of or {}).get(row.source, row.source) for row in rows]
    if len(set(sources)) < 2:  # noqa: PLR2004  with one, nothing would be left
        raise DataError(f"expected at least two sources, found {sorted(set(sources))}; scan more")
    classes = _classes(rows, classes)
    return tuple(
        _without_source(
            rows,
            source,
            sources,
            seed=seed,
            validation_fraction=validation_fraction,
            classes=classes,
        )
        for source in sorted(set(sources))
    )


def _without_source(
    rows: Sequence[ImageRow],
    source: str,
    sources: Sequence[str],
    *,
    seed: int,
    validation_fraction: float,
    classes: Sequence[str],
) -> Split:
    tested = {row.split_group for row, name in zip(rows, sources, strict=True) if name == source}
    others = [index for index, row in enumerate(rows) if row.split_group not in tested]
    places = spread_groups(
        [rows[index] for index in others],
        [rows[index].split_group for index in others],
        [1 - validation_fraction, validation_fraction] if validation_fraction else [1.0],
        seed,
        [classes[index] for index in others],
    )
    parts = [Part.TEST if name == source else Part.UNUSED for name in sources]
    for index, place in zip(others, places, strict=True):
        parts[index] = Part.VALIDATION if place else Part.TRAIN
    return _of_parts(f"without {source}", parts)


def check_split(rows: Sequence[ImageRow], split: Split) -> None:
    """Raise DataError where a row is not in exactly one part, or a group is in two.

    A split that is marked as leaking groups may do the latter.
    """
    indices = (*split.train, *split.validation, *split.test, *split.unused)
    if sorted(indices) != list(range(len(rows))):
        raise DataError(f"split {split.name!r} is not made for this manifest; make it again")
    if split.leaks_groups:
        return
    part_of: dict[str, Part] = {}
    for part in (Part.TRAIN, Part.VALIDATION, Part.TEST):
        for index in getattr(split, part.value):
            row = rows[index]
            other = part_of.setdefault(row.split_group, part)
            if other is not part:
                raise DataError(
                    f"split {split.name!r} has group {row.split_group} in {other} and in {part} "
                    f"(there: {row.path}); split by group again"
                )


def _each_alone(rows: Sequence[ImageRow]) -> list[str]:
    return [f"{row.sha256} {row.path.name}" for row in rows]


def _folds(
    rows: Sequence[ImageRow],
    groups: Sequence[str],
    folds: int,
    seed: int,
    classes: Sequence[str] | None,
    *,
    leaks_groups: bool = False,
) -> tuple[Split, ...]:
    if folds < 2:  # noqa: PLR2004  below two there is nothing to hold out
        raise DataError(f"expected at least 2 folds, found {folds}")
    classes = _classes(rows, classes)
    check_enough_groups(groups, classes, folds)
    places = spread_groups(rows, groups, [1 / folds] * folds, seed, classes)
    return tuple(
        _of_parts(
            f"fold {fold + 1} of {folds}",
            [Part.VALIDATION if place == fold else Part.TRAIN for place in places],
            leaks_groups=leaks_groups,
        )
        for fold in range(folds)
    )


def _three_parts(
    name: str,
    rows: Sequence[ImageRow],
    groups: Sequence[str],
    fractions: tuple[float, float, float],
    *,
    seed: int,
    classes: Sequence[str] | None,
    leaks_groups: bool = False,
) -> Split:
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:  # noqa: PLR2004  rounding
        raise DataError(f"expected fractions of 0 or more that add up to 1, found {fractions}")
    used = [part for part, share in zip(Part, fractions, strict=False) if share > 0]
    shares = [share for share in fractions if share > 0]
    classes = _classes(rows, classes)
    check_enough_groups(groups, classes, len(shares))
    places = spread_groups(rows, groups, shares, seed, classes)
    return _of_parts(name, [used[place] for place in places], leaks_groups=leaks_groups)


def _classes(rows: Sequence[ImageRow], classes: Sequence[str] | None) -> Sequence[str]:
    if classes is not None and len(classes) != len(rows):
        raise ValueError(f"expected {len(rows)} classes, one per row, found {len(classes)}")
    return [row.label for row in rows] if classes is None else classes


def _of_parts(name: str, parts: Sequence[Part], *, leaks_groups: bool = False) -> Split:
    found: dict[Part, list[int]] = {part: [] for part in Part}
    for index, part in enumerate(parts):
        found[part].append(index)
    return Split(
        name=name,
        leaks_groups=leaks_groups,
        **{part.value: tuple(indices) for part, indices in found.items()},
    )
