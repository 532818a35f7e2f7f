"""What a site's own calibration would bring hospitals that were left out."""

import numpy as np
import pytest

from tests.training.left_out_predictions import predictions, rows_of
from training.data.manifest import Label
from training.left_out.alert_budget import UNLABELLED, budget_figures
from training.left_out.figures import left_out_figures
from training.left_out.scores import HospitalScores
from training.left_out.tables import left_out_json, print_left_out

SICK, WELL = 40, 160


def hospital(name: str, *, sick: float, well: float, counts: tuple[int, int]) -> HospitalScores:
    """Return scores around these for COVID-19 and normal images, all above the thresholds."""
    rows = rows_of(name, {Label.COVID19: counts[0], Label.NORMAL: counts[1]})
    spread = np.linspace(0, 0.01, max(counts))
    scores = [*(sick + spread[: counts[0]]), *(well + spread[: counts[1]])]
    return predictions(rows, scores)


def test_ranks_find_covid19_where_every_image_is_above_the_thresholds() -> None:
    """A fifth is COVID-19 and ordered first: before a fifth of those raised, then nearly all."""
    [found] = budget_figures([hospital("one", sick=0.97, well=0.9, counts=(SICK, WELL))])
    assert (found.hospital, found.images, found.prevalence, found.lent) == ("one", 200, 0.2, {})
    assert found.raised_before.value == 1.0
    assert 0.17 < (found.before.value or 0) < 0.23
    assert (found.after.value or 0) > 0.85
    assert found.ceiling.value == 1.0
    assert (found.ratio.value or 0) > 4
    assert found.reached == "at least 1.5 times"


def test_an_order_that_tells_nothing_is_the_ceiling() -> None:
    """Ranks cannot find what the scores do not tell; the figure says that this was the limit."""
    [found] = budget_figures([hospital("one", sick=0.95, well=0.95, counts=(100, 100))])
    assert (found.ratio.value or 9) < 1.5
    assert found.reached == "the ceiling of its order"


def test_a_hospital_of_one_class_is_joined_by_lent_images_and_a_small_one_is_left_out() -> None:
    """Its own COVID-19 among another's normals; who lent them is told."""
    sick = hospital("sick", sick=0.97, well=0.9, counts=(SICK, 0))
    well = hospital("well", sick=0.97, well=0.9, counts=(0, WELL))
    few = hospital("few", sick=0.97, well=0.9, counts=(25, UNLABELLED // 2))
    [found] = budget_figures([sick, well])
    assert (found.hospital, found.lent) == ("sick", {"well": WELL})
    assert budget_figures([few]) == ()


def test_the_table_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    """On the terminal and as JSON, with the bar."""
    found = left_out_figures([hospital("one", sick=0.97, well=0.9, counts=(SICK, WELL))])
    [told] = left_out_json(found)["alert_budget"]
    assert told["reached"] == "at least 1.5 times"
    assert told["ratio"]["low"] < told["ratio"]["value"] < told["ratio"]["high"]
    print_left_out(found)
    assert "a calibration of its own" in capsys.readouterr().out
