"""rahimzadeh2020's phases are composed as the paper says."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.data_manifests import rows_of
from training.data.manifest import ImageRow, Label
from training.protocols.composition import Composition, compose, plan_fold
from training.protocols.plan import FoldPlan
from training.protocols.rahimzadeh2020 import CONCATENATED, PNEUMONIAS, REPOSITORY

FOLDS = range(1, 6)


@pytest.fixture(scope="module")
def paper() -> Composition:
    """Return as many images as the paper had, each of a patient of its own."""
    rows = (
        *rows_of("ieee8023", Label.COVID19, 180),
        *rows_of("ieee8023", Label.PNEUMONIA_OTHER, 42),
        *rows_of("rsna", Label.PNEUMONIA_OTHER, 6012),
        *rows_of("rsna", Label.NORMAL, 8851),
    )
    return compose(CONCATENATED, rows, seed=0)


def counts(drawn: Composition, indices: tuple[int, ...]) -> Counter[str]:
    """Return how many images of each class some indices are."""
    return Counter(CONCATENATED.strata[drawn.strata[index]].klass or "" for index in indices)


@pytest.mark.parametrize("fold", FOLDS)
def test_counts_are_those_of_table_1(paper: Composition, fold: int) -> None:
    """With the paper's images every phase has 633 of them (fold 3: 634), and all else is held out.

    Source: rahimzadeh2020 table 1 and section 2.2; section 3 for fold 3.
    """
    plan = plan_fold(CONCATENATED, paper, fold, seed=0)
    covid19 = 150 if fold == 3 else 149
    assert len(plan.phases) == 8
    for phase in plan.phases:
        assert counts(paper, phase) == {"covid19": covid19, "pneumonia": 234, "normal": 250}
    assert counts(paper, plan.training) == {
        "covid19": covid19,
        "pneumonia": 1634,
        "normal": 2000,
    }
    assert counts(paper, plan.validation) == {
        "covid19": 180 - covid19,
        "pneumonia": 4420,
        "normal": 6851,
    }


def test_at_most_300_images_a_class_are_watched(paper: Composition) -> None:
    """After an epoch a subset of the validation images is scored, all of the rare class."""
    plan = plan_fold(CONCATENATED, paper, 1, seed=0)
    watched = counts(paper, plan.watched)
    assert watched["covid19"] == 31
    assert all(200 < watched[name] <= 300 for name in ("pneumonia", "normal"))
    assert set(plan.watched) <= set(plan.validation)


def test_folds_hold_out_other_covid19_images(paper: Composition) -> None:
    """No COVID-19 image is validated on in two folds."""
    held_out = Counter(
        index
        for fold in FOLDS
        for index in plan_fold(CONCATENATED, paper, fold, seed=0).validation
        if paper.rows[index].label is Label.COVID19
    )
    assert set(held_out.values()) == {1}


IMAGES = st.lists(
    st.tuples(
        st.sampled_from(["ieee8023", "rsna"]),
        st.sampled_from([Label.COVID19, Label.NORMAL, Label.BACTERIAL, Label.PNEUMONIA_OTHER]),
        st.integers(0, 30),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(images=IMAGES, fold=st.integers(1, 5), seed=st.integers(0, 3))
def test_phases_share_what_they_must_and_nothing_else(
    images: list[tuple[str, Label, int]], fold: int, seed: int
) -> None:
    """Every phase has all COVID-19 and repository pneumonia; the rest is in no other phase.

    Whatever patients have, no group is both trained and validated on.
    """
    rows = [
        *rows_of("ieee8023", Label.COVID19, 12),
        *rows_of("ieee8023", Label.PNEUMONIA_OTHER, 4),
        *rows_of("rsna", Label.PNEUMONIA_OTHER, 30),
        *rows_of("rsna", Label.NORMAL, 30),
    ]
    for number, (source, label, patient) in enumerate(images):
        rows += rows_of(source, label, 1, first=1000 + number, group=f"shared-{patient}")
    drawn = compose(CONCATENATED, rows, seed)
    plan = plan_fold(CONCATENATED, drawn, fold, seed)
    common = set.intersection(*(set(phase) for phase in plan.phases))
    assert common == {index for index in plan.training if is_common(drawn.rows[index])}
    once = Counter(index for phase in plan.phases for index in phase if index not in common)
    assert set(once.values()) <= {1}
    assert len({tuple(sorted(counts(drawn, phase).items())) for phase in plan.phases}) == 1
    assert groups(drawn, plan.training).isdisjoint(groups(drawn, plan.validation))


def is_common(row: ImageRow) -> bool:
    """Return whether the paper shows an image in every phase."""
    in_repository = row.source in REPOSITORY and row.label in PNEUMONIAS
    return row.label is Label.COVID19 or in_repository


def groups(drawn: Composition, indices: tuple[int, ...]) -> set[str]:
    """Return the split groups of some indices."""
    return {drawn.rows[index].split_group for index in indices}


def test_the_plan_does_not_depend_on_the_order_of_the_manifest(paper: Composition) -> None:
    """The same images in another order are used for the same."""
    backwards = Composition(paper.rows[::-1], paper.strata[::-1], paper.account)

    def used(drawn: Composition, plan: FoldPlan) -> list[set[str]]:
        return [{drawn.rows[index].pixels_sha256 for index in phase} for phase in plan.phases]

    plans = [plan_fold(CONCATENATED, drawn, 2, seed=5) for drawn in (paper, backwards)]
    assert used(paper, plans[0]) == used(backwards, plans[1])
