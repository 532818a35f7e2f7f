"""Images drawn two by two."""

from collections import Counter

import numpy as np
import pytest

from training.inputs.hospital_pairs import HospitalPairs

HOSPITALS = ["both"] * 6 + ["sick"] * 3 + ["well"] * 3
CLASSES = ["covid19", "normal"] * 3 + ["covid19"] * 3 + ["normal"] * 3


def pairs(images: int = 400) -> HospitalPairs:
    """Return a draw of every image alike."""
    return HospitalPairs(np.full(12, 1 / 12), HOSPITALS, CLASSES, images, fewest=3)


def test_a_pair_has_two_classes_and_one_hospital_where_it_can() -> None:
    """The hospital with both classes is paired with itself, the others with another class."""
    order = pairs().order(np.random.default_rng(0)).reshape(-1, 2).tolist()
    assert len(order) == 200
    for first, second in order:
        assert CLASSES[first] != CLASSES[second]
        if HOSPITALS[first] == "both":
            assert HOSPITALS[second] == "both"
    firsts = Counter(HOSPITALS[first] for first, _ in order)
    assert set(firsts) == {"both", "sick", "well"}


def test_the_same_generator_draws_the_same() -> None:
    """A run that goes on draws as if it had not stopped; another epoch draws others."""
    draws = [pairs().order(np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_images_that_are_never_first_may_still_be_partners_of_none() -> None:
    """With one class alone, partners are of that class; an image without a chance never comes."""
    chances = np.array([0.5, 0.5, 0.0])
    alone = HospitalPairs(chances, ["a"] * 3, ["normal"] * 3, 20)
    assert set(alone.order(np.random.default_rng(0)).tolist()) <= {0, 1}


def test_a_class_of_one_image_is_not_shown_with_every_other() -> None:
    """Within a hospital a class counts by the root of its images, whatever its share elsewhere."""
    classes = ["covid19"] * 100 + ["pneumonia"] * 81 + ["normal"]
    chances = np.array([0.5 / 100] * 100 + [0.1 / 81] * 81 + [0.4])
    order = HospitalPairs(chances, ["a"] * 182, classes, 20_000).order(np.random.default_rng(0))
    pairs_of_covid = [second for first, second in order.reshape(-1, 2).tolist() if first < 100]
    shown = sum(second == 181 for second in pairs_of_covid) / len(pairs_of_covid)
    assert shown == pytest.approx(1 / 10, abs=0.02)


def test_a_hospital_with_few_of_another_class_is_paired_with_any() -> None:
    """Its few images of another class are not the partners of all its others."""
    hospitals, classes = ["a"] * 32 + ["b"] * 30, ["covid19"] * 30 + ["normal"] * 32
    chances = np.array([1 / 30] * 30 + [0.0] * 2 + [0.0] * 30)
    chances = (chances + 1e-3) / (chances + 1e-3).sum()
    order = HospitalPairs(chances, hospitals, classes, 2000).order(np.random.default_rng(0))
    pairs_of_covid = [second for first, second in order.reshape(-1, 2).tolist() if first < 30]
    assert sum(second >= 32 for second in pairs_of_covid) > 0.8 * len(pairs_of_covid)


def test_an_odd_number_is_refused() -> None:
    """Half a pair is none."""
    with pytest.raises(ValueError, match="even"):
        pairs(3)
