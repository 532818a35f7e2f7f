"""Splits: whole groups, every row once, classes spread evenly."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.image_rows import image_row
from training.data.manifest import ImageRow, Label
from training.data.splits import Split, group_folds, group_split
from training.errors import DataError

LABELS = (Label.COVID19, Label.NORMAL, Label.BACTERIAL)


def rows_of(groups: Sequence[tuple[Label, str, int]]) -> list[ImageRow]:
    """Return rows for groups of (label, source, images)."""
    return [
        image_row(f"{group}-{index}", split_group=f"g{group}", label=label, source=source)
        for group, (label, source, images) in enumerate(groups)
        for index in range(images)
    ]


GROUPS = st.lists(
    st.tuples(st.sampled_from(LABELS), st.sampled_from(["a", "b"]), st.integers(1, 6)), max_size=40
).map(lambda groups: rows_of([(label, "a", 1) for label in LABELS for _ in range(5)] + groups))
"""Manifests with at least five groups of each label."""


def groups_in(rows: Sequence[ImageRow], indices: Sequence[int]) -> set[str]:
    """Return the split groups of some rows."""
    return {rows[index].split_group for index in indices}


def assert_sound(rows: Sequence[ImageRow], split: Split) -> None:
    """Every row is in exactly one part, and no group in two."""
    parts = (split.train, split.validation, split.test)
    assert sorted(index for part in parts for index in part) == list(range(len(rows)))
    used = [groups_in(rows, part) for part in parts]
    assert sum(map(len, used)) == len(set().union(*used))


@settings(deadline=None)
@given(GROUPS, st.integers(2, 5), st.integers(0, 3))
def test_folds_keep_groups_whole(rows: list[ImageRow], folds: int, seed: int) -> None:
    """Each fold is sound, and the held-out parts are all rows once, with every label."""
    splits = group_folds(rows, folds, seed)
    for split in splits:
        assert_sound(rows, split)
        assert {rows[index].label for index in split.validation} == set(LABELS)
    held_out = [index for split in splits for index in split.validation]
    assert sorted(held_out) == list(range(len(rows)))


@settings(deadline=None)
@given(GROUPS, st.integers(0, 3))
def test_three_parts_keep_groups_whole(rows: list[ImageRow], seed: int) -> None:
    """Training, validation and test are sound."""
    assert_sound(rows, group_split(rows, (0.6, 0.2, 0.2), seed))


@given(GROUPS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(range(len(rows))))))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_does_not_matter(case: tuple[list[ImageRow], list[int]]) -> None:
    """The same rows in another order fall in the same parts."""
    rows, order = case
    shuffled = [rows[index] for index in order]
    for one, other in zip(group_folds(rows, 3, 0), group_folds(shuffled, 3, 0), strict=True):
        assert {rows[i].path for i in one.validation} == {
            shuffled[i].path for i in other.validation
        }


def test_the_seed_decides() -> None:
    """The same seed gives the same folds, another seed others."""
    rows = rows_of([(label, "a", 2) for label in LABELS for _ in range(20)])
    assert group_folds(rows, 4, 7) == group_folds(rows, 4, 7)
    assert group_folds(rows, 4, 7) != group_folds(rows, 4, 8)


def test_classes_and_sources_come_out_even() -> None:
    """With many groups of mixed size each fold has its share of each class and source."""
    rows = rows_of(
        [
            (label, source, 1 + index % 4)
            for label in LABELS
            for source in ("a", "b")
            for index in range(60)
        ]
    )
    for split in group_folds(rows, 5, 0):
        held_out = Counter((rows[i].label, rows[i].source) for i in split.validation)
        assert set(held_out.values()) <= {29, 30, 31}
    split = group_split(rows, (0.7, 0.1, 0.2), 0)
    for part, expected in ((split.train, 105), (split.validation, 15), (split.test, 30)):
        for count in Counter((rows[i].label, rows[i].source) for i in part).values():
            assert abs(count - expected) <= 2


def test_other_classes_than_labels_can_be_spread() -> None:
    """A rare kind of pneumonia need not be in every fold where only pneumonia counts."""
    rows = rows_of([(Label.NORMAL, "a", 1)] * 4 + [(Label.BACTERIAL, "a", 1)] * 3)
    rows.append(image_row("fungal", label=Label.FUNGAL))
    with pytest.raises(DataError, match="class bacterial for 4 parts, found 3"):
        group_folds(rows, 4, 0)
    classes = [row.screening_class for row in rows]
    for split in group_folds(rows, 4, 0, classes=classes):
        assert sorted(classes[index] for index in split.validation) == ["normal", "pneumonia"]
    with pytest.raises(ValueError, match="one per row"):
        group_folds(rows, 4, 0, classes=["a"])


def test_too_few_groups_are_refused() -> None:
    """Many images of few patients do not fill the folds: the class is named."""
    rows = rows_of([(Label.NORMAL, "a", 1)] * 9 + [(Label.COVID19, "a", 50)] * 2)
    with pytest.raises(DataError, match="class covid19 for 3 parts, found 2"):
        group_folds(rows, 3, 0)
    with pytest.raises(DataError, match="at least 2 folds"):
        group_folds(rows, 1, 0)
    with pytest.raises(DataError, match="add up to 1"):
        group_split(rows, (0.5, 0.2, 0.2), 0)
