"""The table of hospitals left out."""

import numpy as np
import pytest

from tests.training.left_out_predictions import predictions, rows_of
from training.data.hospitals import Adult
from training.data.manifest import Label
from training.left_out.figures import LEAST_IMAGES, Figure, left_out_figures
from training.left_out.scores import Kind, kind_of

MANY = LEAST_IMAGES


def both(name: str, *, covid19: float, normal: float) -> tuple[list, list[float]]:
    """Return a hospital with enough of both classes, and constant scores with a small spread."""
    rows = rows_of(name, {Label.COVID19: MANY, Label.NORMAL: MANY})
    spread = np.linspace(0, 0.01, MANY)
    return rows, [*(covid19 + spread).tolist(), *(normal + spread).tolist()]


@pytest.mark.parametrize("label", Label)
def test_every_label_is_covid_normal_or_another_disease(label: Label) -> None:
    """What is neither COVID-19 nor normal is another disease."""
    expected = {"covid19": Kind.COVID19, "normal": Kind.NORMAL}.get(label, Kind.OTHER)
    assert kind_of(label) is expected


def test_a_hospital_with_both_classes_is_compared_with_itself() -> None:
    """Its area, its share above each threshold and its calm normals; nobody lends."""
    rows, scores = both("one", covid19=0.6, normal=0.2)
    lenders, lent = both("two", covid19=0.9, normal=0.7)
    found = left_out_figures([predictions(rows, scores), predictions(lenders, lent)])
    one = found.hospitals[0]
    assert one.images == {Kind.COVID19: MANY, Kind.NORMAL: MANY, Kind.OTHER: 0}
    assert one.told[Figure.COVID19_NORMAL].estimate.value == 1.0
    assert one.told[Figure.COVID19_NORMAL].against == {"one": MANY}
    shares = {figure: one.told[figure].estimate.value for figure in list(Figure)[3:]}
    assert shares == {Figure.STAT: 0.0, Figure.URGENT: 1.0, Figure.CALM: 1.0}
    assert Figure.COVID19_OTHER not in one.told
    interval = one.told[Figure.URGENT].estimate.interval
    assert interval is not None
    assert interval.low == pytest.approx(0.839, abs=0.001)  # Wilson's, of 20


def test_one_class_alone_is_compared_with_the_same_run_first() -> None:
    """Normals left out of the same run are lent before those of other runs, and named."""
    sick = rows_of("sick", {Label.COVID19: MANY})
    well = rows_of("well", {Label.NORMAL: MANY})
    far, far_scores = both("far", covid19=0.9, normal=0.8)
    together = predictions([*sick, *well], [0.6] * MANY + [0.2] * MANY)
    found = left_out_figures([together, predictions(far, far_scores)])
    told = {each.hospital: each.told for each in found.hospitals}
    assert told["sick"][Figure.COVID19_NORMAL].against == {"well": MANY}
    assert told["sick"][Figure.COVID19_NORMAL].estimate.value == 1.0
    alone = predictions(sick, [0.6] * MANY)
    found = left_out_figures([alone, predictions(far, far_scores)])
    told = {each.hospital: each.told for each in found.hospitals}
    assert told["sick"][Figure.COVID19_NORMAL].against == {"far": MANY}
    assert told["sick"][Figure.COVID19_NORMAL].estimate.value == 0.0


def test_few_normals_of_its_own_are_filled_up() -> None:
    """A hospital with a few normals is compared with those and the lent ones together."""
    few = rows_of("few", {Label.COVID19: MANY, Label.NORMAL: 2})
    well = rows_of("well", {Label.NORMAL: MANY})
    found = left_out_figures([predictions([*few, *well], [0.6] * MANY + [0.9] * 2 + [0.2] * MANY)])
    told = found.hospitals[0].told[Figure.COVID19_NORMAL]
    assert told.against == {"few": 2, "well": MANY}
    assert told.estimate.value == pytest.approx(MANY / (MANY + 2))
    assert not found.hospitals[0].told[Figure.CALM].counts


def test_children_are_lent_to_no_adults() -> None:
    """A children's hospital's normals stand beside no adult's COVID-19, and are not pooled."""
    sick = rows_of("sick", {Label.COVID19: MANY})
    children = rows_of("children", {Label.NORMAL: MANY}, adult=Adult.NO)
    found = left_out_figures([predictions([*sick, *children], [0.6] * MANY + [0.9] * MANY)])
    assert Figure.COVID19_NORMAL not in found.hospitals[1].told
    assert found.pooled[Figure.COVID19_NORMAL].value is None
    assert found.pooled[Figure.CALM].value == 0.0


def test_the_mean_is_over_hospitals_and_the_pooled_figure_over_images() -> None:
    """A large hospital weighs more in the pooled figure only; a tiny one counts in no mean."""
    large = rows_of("large", {Label.COVID19: 9 * MANY, Label.NORMAL: MANY})
    small, scores = both("small", covid19=0.1, normal=0.2)
    tiny = rows_of("tiny", {Label.COVID19: 1})
    runs = [
        predictions(large, [0.9] * (9 * MANY) + [0.2] * MANY),
        predictions(small, scores),
        predictions(tiny, [0.0]),
    ]
    found = left_out_figures(runs)
    assert found.means[Figure.COVID19_NORMAL].value == pytest.approx(0.5)
    assert found.means[Figure.STAT].value == pytest.approx(0.5)
    assert found.pooled[Figure.STAT].value == pytest.approx(9 * MANY / (10 * MANY + 1))
    bars = {each.bar.figure: each for each in found.bars}
    worst = bars["COVID-19 against normal, AUC, worst hospital left out"]
    assert worst.measured.value == 0.0
    assert worst.reached is False
    assert found.bars[0].measured == found.means[Figure.COVID19_NORMAL]


def test_the_interval_of_a_mean_holds_it_and_is_narrower() -> None:
    """Hospitals are resampled apart from each other, so that a mean is surer than its parts."""
    random = np.random.default_rng(0)
    runs = []
    for name in ("a", "b", "c", "d"):
        rows = rows_of(name, {Label.COVID19: 2 * MANY, Label.NORMAL: 2 * MANY})
        sick, well = random.normal(0.6, 0.1, 2 * MANY), random.normal(0.5, 0.1, 2 * MANY)
        runs.append(predictions(rows, [*sick.tolist(), *well.tolist()]))
    found = left_out_figures(runs)
    mean = found.means[Figure.COVID19_NORMAL]
    assert mean.interval is not None
    assert mean.value is not None
    assert mean.interval.low < mean.value < mean.interval.high
    for each in found.hospitals:
        own = each.told[Figure.COVID19_NORMAL].estimate.interval
        assert own is not None
        assert mean.interval.high - mean.interval.low < own.high - own.low


def test_other_disease_is_abnormal_too() -> None:
    """Tuberculosis counts against COVID-19 as another disease, and above normal as abnormal."""
    rows = rows_of("one", {Label.TUBERCULOSIS: MANY, Label.COVID19: MANY, Label.NORMAL: MANY})
    given = predictions(rows, [0.3] * MANY + [0.6] * MANY + [0.1] * MANY)
    told = left_out_figures([given]).hospitals[0].told
    assert told[Figure.COVID19_OTHER].estimate.value == 1.0
    assert told[Figure.ABNORMAL_NORMAL].estimate.value == 1.0


def test_a_hospital_left_out_twice_is_refused() -> None:
    """Two figures of one hospital could be chosen from."""
    rows, scores = both("one", covid19=0.6, normal=0.2)
    with pytest.raises(ValueError, match=r"found twice: .*one"):
        left_out_figures([predictions(rows, scores), predictions(rows, scores)])
