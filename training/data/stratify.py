"""Spreads groups of images over parts so that classes and sources come out even."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from training.data.manifest import ImageRow
from training.data.seeded_order import draw
from training.errors import DataError


def spread_groups(
    rows: Sequence[ImageRow],
    groups: Sequence[str],
    shares: Sequence[float],
    seed: int,
    classes: Sequence[str],
) -> list[int]:
    """Return the place (index into shares) of every row; rows of one group get one place.

    groups, classes: one per row. shares: above 0, adding up to 1. Greedy: the largest groups
    first, each to the place that is least full of what it holds, where full is counted per class,
    and per class and source. A class of few groups may be absent from a place.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)

    def kinds(index: int) -> tuple[tuple[str, ...], ...]:
        return (classes[index],), (classes[index], rows[index].source)

    totals = Counter(kind for index in range(len(rows)) for kind in kinds(index))
    filled: list[Counter[tuple[str, ...]]] = [Counter() for _ in shares]
    places = [0] * len(rows)
    for group in sorted(members, key=lambda name: (-len(members[name]), draw(seed, name))):
        content = Counter(kind for index in members[group] for kind in kinds(index))
        fullness = [
            sum(
                count * (filled[place][kind] + count) / (share * totals[kind])
                for kind, count in content.items()
            )
            for place, share in enumerate(shares)
        ]
        best = fullness.index(min(fullness))
        filled[best].update(content)
        for index in members[group]:
            places[index] = best
    return places


def check_enough_groups(groups: Sequence[str], classes: Sequence[str], parts: int) -> None:
    """Raise DataError where a class has fewer groups than parts."""
    found = Counter(name for _, name in set(zip(groups, classes, strict=True)))
    for name, count in sorted(found.items()):
        if count < parts:
            raise DataError(
                f"expected at least {parts} separate groups of class {name} for {parts} parts, "
                f"found {count}; add images of it, leave the class out, or use fewer parts"
            )
