"""Who is trained on, who is tested on. Whole split groups move together.

Both functions are deterministic by their seed and by the rows, not by their order. `classes` is the
class of each row that is to be spread evenly; by default the label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from training.data.manifest import ImageRow
from training.data.stratify import check_enough_groups, spread_groups
from training.errors import DataError


class Part(StrEnum):
    """What a row is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of rows by part, ascending; every row is in exactly one."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def group_folds(
    rows: Sequence[ImageRow], folds: int, seed: int, *, classes: Sequence[str] | None = None
) -> tuple[Split, ...]:
    """Return k-fold splits by split group; the held-out fold is `validation`, `test` is empty.

    Classes, and sources within a class, are spread as evenly as whole groups allow. Raises
    DataError where folds is below 2 or a class has fewer groups than folds.
    """
    if folds < 2:  # noqa: PLR2004  below two there is nothing to hold out
        raise DataError(f"expected at least 2 folds, found {folds}")
    places = _places(rows, [1 / folds] * folds, seed, classes)
    return tuple(
        _of_parts([Part.VALIDATION if place == fold else Part.TRAIN for place in places])
        for fold in range(folds)
    )


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
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:  # noqa: PLR2004  rounding
        raise DataError(f"expected fractions of 0 or more that add up to 1, found {fractions}")
    used = [part for part, share in zip(Part, fractions, strict=True) if share > 0]
    places = _places(rows, [share for share in fractions if share > 0], seed, classes)
    return _of_parts([used[place] for place in places])


def _places(
    rows: Sequence[ImageRow], shares: list[float], seed: int, classes: Sequence[str] | None
) -> Sequence[int]:
    """Return the share that each row is in, whole groups together."""
    groups, classes = [row.split_group for row in rows], _classes(rows, classes)
    check_enough_groups(groups, classes, len(shares))
    return spread_groups(rows, groups, shares, seed, classes)


def _classes(rows: Sequence[ImageRow], classes: Sequence[str] | None) -> Sequence[str]:
    if classes is not None and len(classes) != len(rows):
        raise ValueError(f"expected {len(rows)} classes, one per row, found {len(classes)}")
    return [row.label for row in rows] if classes is None else classes


def _of_parts(parts: Sequence[Part]) -> Split:
    found: dict[Part, list[int]] = {part: [] for part in Part}
    for index, part in enumerate(parts):
        found[part].append(index)
    return Split(**{part.value: tuple(indices) for part, indices in found.items()})
