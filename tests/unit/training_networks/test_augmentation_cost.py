"""What each view of test-time augmentation brings at hospitals never seen, and what it costs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles
from screening.domain.scores import SCORE_TOLERANCE
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.members import EnsembleMember, load_network
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.test_time_augmentation import MIDDLE, MIRRORED, MIRRORED_MIDDLE, OWN
from tests.training.left_out_predictions import rows_of
from tests.training.trained_runs import Site
from training.data.manifest import Label
from training.errors import TrainingError
from training.left_out.augmentation_cost import (
    ScoredViews,
    augmentation_json,
    augmentation_rows,
    score_views,
    unseen_rows,
)
from training.left_out.figures import Figure

pytestmark = pytest.mark.tensorflow

ALL = (OWN, MIDDLE, MIRRORED, MIRRORED_MIDDLE)
COUNTS = {Label.COVID19: 24, Label.NORMAL: 24, Label.TUBERCULOSIS: 24}


def released_bundle() -> Bundle:
    """Return the released bundle; its weights are not loaded."""
    (bundle,) = find_bundles([RELEASED_DIRECTORY])
    return bundle


def with_views(bundle: Bundle, **views: Any) -> Bundle:
    """Return a bundle whose members score these views too."""
    members = tuple(member.model_copy(update=views) for member in bundle.manifest.members)
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"members": members}))


def test_hospitals_that_a_bundle_was_trained_on_or_chosen_by_are_passed_over() -> None:
    """Also under another source's name; of the others at most so many of each label."""
    rows = [*rows_of("bimcv", COUNTS), *rows_of("nih_cxr14", COUNTS), *rows_of("rsna", COUNTS)]
    placed = [replace(row, hospital="valencia" if row.source == "bimcv" else "nih") for row in rows]
    found = unseen_rows(released_bundle(), placed, 5)
    assert {row.source for row in found} == {"bimcv"}
    assert len(found) == 5 * len(COUNTS)
    with pytest.raises(TrainingError, match="never saw, found none; it was trained on"):
        unseen_rows(released_bundle(), placed[len(placed) // 3 :])


def test_the_views_together_are_what_the_stations_score(site: Site, released: Bundle) -> None:
    """The mean over a member's views is what its graph with test-time augmentation gives."""
    bundle, rows = with_views(released, mirrored=True, inner=0.9), site.rows[:6]
    scored = score_views(bundle, rows, site.scorer.architectures)
    preparing = Ensemble.load(released, site.scorer.architectures)
    for place, member in enumerate(bundle.manifest.members):
        model = load_network(member, bundle.directory, site.scorer.architectures)
        images = [preparing.prepare(read_radiograph(row.path).pixels) for row in rows]
        served = EnsembleMember(member, model).outputs(
            np.stack([one.arrays[place] for one in images])
        )
        together = np.mean([scored.probabilities[member.name, view] for view in ALL], axis=0)
        np.testing.assert_allclose(together, served.probabilities, atol=SCORE_TOLERANCE)
    assert all(seconds >= 0 for seconds in scored.cpu_s.values())


def test_gains_are_of_the_same_images_over_the_image_as_it_is() -> None:
    """A view that tells COVID-19 gains over one that does not, and costs its own seconds more."""
    bundle = with_views(released_bundle(), mirrored=True)
    rows = rows_of("somewhere", {Label.COVID19: 30, Label.NORMAL: 30})
    sick = np.array([row.label is Label.COVID19 for row in rows])
    chance = np.random.default_rng(0)
    probabilities, cpu_s = {}, {}
    for member in bundle.manifest.members:
        for view in ALL:
            knows = view == MIRRORED
            covid19 = np.where(sick, 0.9, 0.1) if knows else chance.uniform(0.3, 0.7, len(rows))
            rest = (1 - covid19) / (len(member.classes) - 1)
            probabilities[member.name, view] = np.stack(
                [covid19 if name == "covid19" else rest for name in member.classes], axis=1
            )
            cpu_s[member.name, view] = 0.25
    found = augmentation_rows(bundle, rows, ScoredViews(probabilities, cpu_s))
    of_coronet = {row.views: row for row in found if row.who == "coronet"}
    plain, mirrored = of_coronet[(OWN,),], of_coronet[(MIRRORED,),]
    assert plain.gains[Figure.COVID19_NORMAL].value == 0
    assert mirrored.areas[Figure.COVID19_NORMAL].value == pytest.approx(1)
    gain = mirrored.gains[Figure.COVID19_NORMAL]
    assert gain.interval is not None
    assert gain.interval.low > 0.2
    assert of_coronet[ALL,].cpu_s == pytest.approx(1.0)
    ensembles = [row for row in found if row.who == "ensemble"]
    assert len(ensembles) == 2 * 4  # the concatenated network has no middle
    assert ensembles[0].cpu_s == pytest.approx(0.5)
    told = augmentation_json(found, len(rows))
    assert told["images"] == 60
    assert told["rows"][0]["gains"][Figure.COVID19_NORMAL.value]["value"] == 0
    assert told["rows"][0]["areas"][Figure.COVID19_OTHER.value]["value"] is None
