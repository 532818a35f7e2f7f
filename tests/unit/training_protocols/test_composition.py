"""A protocol draws the images its paper names, and holds out whole groups."""

from dataclasses import replace

import pytest

from tests.training.data_manifests import every_collection, rows_of
from training.data.manifest import Label
from training.errors import DataError
from training.protocols.composition import Composition, compose, plan_fold
from training.protocols.khan2020 import BINARY, DATASET_2, FOUR_CLASSES, KHAN2020, THREE_CLASSES
from training.protocols.protocol import Protocol
from training.protocols.registry import PROTOCOLS
from training.protocols.release import RELEASE

FINE_TUNED = (THREE_CLASSES, BINARY, DATASET_2)


def images(drawn: Composition, indices: tuple[int, ...]) -> set[str]:
    """Return which images some indices are."""
    return {drawn.rows[index].pixels_sha256 for index in indices}


def test_larger_classes_are_under_sampled() -> None:
    """khan2020 draws 284, 310, 330 and 327 images where there are more."""
    rows = [
        *rows_of("ieee8023", Label.COVID19, 300),
        *rows_of("kermany", Label.NORMAL, 400),
        *rows_of("kermany", Label.BACTERIAL, 400),
        *rows_of("kermany", Label.VIRAL_OTHER, 400),
    ]
    drawn = compose(FOUR_CLASSES, rows, seed=0)
    assert [drawn.strata.count(place) for place in range(4)] == [284, 310, 330, 327]
    assert images(drawn, tuple(range(len(drawn.rows)))) != images(
        compose(FOUR_CLASSES, rows, seed=1), tuple(range(len(drawn.rows)))
    )


def test_different_groups_are_drawn_first() -> None:
    """Under-sampling takes a second image of a patient only after one of every patient."""
    many = rows_of("kermany", Label.NORMAL, 400, group="one-patient")
    rows = [*every_collection(), *many, *rows_of("kermany", Label.NORMAL, 300, first=5000)]
    drawn = compose(FOUR_CLASSES, rows, seed=0)
    groups = [row.split_group for row in drawn.rows if row.label is Label.NORMAL]
    assert len(groups) == 310
    assert groups.count("one-patient") == 1


def test_a_duplicate_is_drawn_once() -> None:
    """A row that the manifest calls a duplicate of another is not used."""
    rows = every_collection()
    rows[0] = replace(rows[0], duplicate_of=rows[1].pixels_sha256)
    assert rows[0] not in compose(FOUR_CLASSES, rows, seed=0).rows


@pytest.mark.parametrize("protocol", FINE_TUNED, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("fold", range(1, 5))
def test_fine_tuning_validates_on_nothing_the_start_was_trained_on(
    protocol: Protocol, fold: int
) -> None:
    """The held-out images of a fine-tuned network were held out from the 4-class one, too."""
    start, tuned = (compose(each, every_collection(), seed=0) for each in (FOUR_CLASSES, protocol))
    learnt = images(start, plan_fold(FOUR_CLASSES, start, fold, seed=0).training)
    held_out = images(tuned, plan_fold(protocol, tuned, fold, seed=0).validation)
    assert held_out
    assert held_out.isdisjoint(learnt)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_every_fold_of_every_protocol_keeps_groups_apart(protocol: Protocol) -> None:
    """Training, validation and test share no group and no image, and each has every class."""
    drawn = compose(protocol, every_collection(), seed=0)
    for fold in range(1, protocol.folds + 1):
        plan = plan_fold(protocol, drawn, fold, seed=0)
        parts = [part for part in (plan.training, plan.validation, plan.test) if part]
        groups = [{drawn.rows[index].split_group for index in part} for part in parts]
        assert sum(map(len, groups)) == len(set.union(*groups))
        for part in parts:
            classes = {protocol.strata[drawn.strata[index]].klass for index in part}
            assert classes - set(protocol.coarser) == set(protocol.classes)


def test_a_protocol_without_its_images_says_which() -> None:
    """Where no image of a stratum is there, the error names labels, sources and what to do."""
    rows = [row for row in every_collection() if row.label is not Label.VIRAL_OTHER]
    with pytest.raises(DataError, match=r"khan2020-4class.*viral_other \(kermany\).*scan"):
        compose(FOUR_CLASSES, rows, seed=0)


def test_too_few_groups_for_the_folds_are_refused() -> None:
    """A class with fewer patients than folds is named before anything is trained."""
    rows = [row for row in every_collection() if row.label is not Label.COVID19]
    rows += rows_of("ieee8023", Label.COVID19, 2)
    drawn = compose(FOUR_CLASSES, rows, seed=0)
    with pytest.raises(DataError, match="at least 4"):
        plan_fold(FOUR_CLASSES, drawn, 1, seed=0)


def test_a_fold_that_does_not_exist_is_refused() -> None:
    """The error names the folds there are."""
    drawn = compose(FOUR_CLASSES, every_collection(), seed=0)
    with pytest.raises(DataError, match="folds 1 to 4, found fold 5"):
        plan_fold(FOUR_CLASSES, drawn, 5, seed=0)


def test_a_class_that_vanishes_from_a_part_is_refused() -> None:
    """One patient with all COVID-19 images cannot be both trained and validated on."""
    rahimzadeh = PROTOCOLS["rahimzadeh2020-concatenated"]
    rows = [row for row in every_collection() if row.label is not Label.COVID19]
    rows += rows_of("ieee8023", Label.COVID19, 12, group="one-patient")
    drawn = compose(rahimzadeh, rows, seed=0)
    with pytest.raises(DataError, match="found no image of covid19"):
        plan_fold(rahimzadeh, drawn, 1, seed=0)


def test_fine_tuned_networks_name_the_network_they_start_from() -> None:
    """All of khan2020's other networks start from its 4-class network."""
    starts = {protocol.name: protocol.fine_tune_from for protocol in KHAN2020}
    assert set(starts.values()) == {None, FOUR_CLASSES.name}
    assert starts[FOUR_CLASSES.name] is None


def test_a_source_left_out_is_only_tested_on() -> None:
    """Its images are all in the test part, those of the other sources stay where they were."""
    protocol = PROTOCOLS["release-coronet"]
    drawn = compose(protocol, [*every_collection(), *rows_of("cxnet", Label.COVID19, 16)], seed=0)
    whole = plan_fold(protocol, drawn, 1, seed=0)
    plan = plan_fold(protocol, drawn, 1, seed=0, leave_out=["cxnet"])
    of_source = {i for i, row in enumerate(drawn.rows) if row.source == "cxnet"}
    assert of_source & set(whole.training)
    assert not of_source & {*plan.training, *plan.validation, *plan.watched}
    assert set(plan.test) == set(whole.test) | of_source
    assert set(plan.training) == set(whole.training) - of_source


def test_a_hospital_left_out_takes_all_its_sources_and_patients_along() -> None:
    """Both its sources are tested on alone; another hospital's image of their group is unused."""
    protocol = PROTOCOLS["release-coronet"]
    late = rows_of("ieee8023_late", Label.COVID19, 8)
    shared = rows_of("cxnet", Label.COVID19, 16)
    shared[0] = replace(shared[0], split_group=late[0].split_group)
    drawn = compose(protocol, [*every_collection(), *late, *shared], seed=0)
    plan = plan_fold(protocol, drawn, 1, seed=0, leave_out=["ieee8023"])
    of_hospital = {i for i, row in enumerate(drawn.rows) if row.hospital == "ieee8023"}
    assert {drawn.rows[i].source for i in of_hospital} == {"ieee8023", "ieee8023_late"}
    assert of_hospital <= set(plan.test)
    (twin,) = (i for i, row in enumerate(drawn.rows) if row == shared[0])
    assert twin not in {*plan.training, *plan.validation, *plan.test}


def test_an_unknown_source_cannot_be_left_out() -> None:
    """The error names the hospitals and sources that the manifest has."""
    drawn = compose(FOUR_CLASSES, every_collection(), seed=0)
    known = r"guangzhou, ieee8023.*kermany.*found nowhere; correct --leave-out"
    with pytest.raises(DataError, match=known):
        plan_fold(FOUR_CLASSES, drawn, 1, seed=0, leave_out=["nowhere"])


def test_members_of_the_release_share_their_split() -> None:
    """Both networks hold out the same images, so that the ensemble is tested on unseen ones."""
    rows = every_collection()
    plans = [
        plan_fold(protocol, compose(protocol, rows, seed=3), 1, seed=3) for protocol in RELEASE
    ]
    assert len({plan.test for plan in plans}) == 1
    assert len({plan.validation for plan in plans}) == 1
