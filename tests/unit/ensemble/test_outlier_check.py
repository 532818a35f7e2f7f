"""Pictures that the ensemble does not know are not applicable, by the bundle's own statistics."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.parts import OutlierCheckMethod, OutlierCheckSection
from screening.bundles.registry import Bundle
from screening.domain.eligibility import EligibilityRules, Reason, Refusal
from screening.domain.scores import EnsembleScores
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.feature_statistics import (
    fit_statistics,
    write_statistics,
)
from screening.ensemble.outlier_check import OutlierCheck
from screening.ensemble.score_files import score_files
from screening.errors import BundleError
from tests.bundles.checked_bundle import Make, known, unknown
from tests.bundles.manifests import SHA256
from tests.bundles.same_scores import assert_same_scores, scores_of
from tests.bundles.traces import noted_traces

pytestmark = pytest.mark.tensorflow

RULES = EligibilityRules()


def prepared_and_screened(
    bundle: Bundle, images: list[NDArray[np.uint8]]
) -> list[EnsembleScores | Refusal]:
    """Screen pictures as the worker does."""
    ensemble = Ensemble.load(bundle)
    return ensemble.screen([ensemble.prepare(image) for image in images])


def test_unknown_pictures_are_refused_in_their_place(make_bundle: Make) -> None:
    """Rotated phantoms among upright ones: a reason with numbers, and scores for the others."""
    images = [known()[0], unknown()[0], known()[1], unknown()[1]]
    first, second, third, fourth = prepared_and_screened(make_bundle(checked=True), images)
    assert isinstance(first, EnsembleScores)
    assert isinstance(third, EnsembleScores)
    for refusal in (second, fourth):
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.UNLIKE_CHEST_RADIOGRAPH
        assert refusal.found.startswith("distance ")
        assert "accepted" in refusal.found


def test_without_the_section_every_picture_is_scored(make_bundle: Make) -> None:
    """A bundle without a outlier check knows no unknown pictures."""
    answers = prepared_and_screened(make_bundle(checked=False), unknown())
    assert all(isinstance(answer, EnsembleScores) for answer in answers)


def test_the_check_changes_no_score(make_bundle: Make) -> None:
    """`score` and golden images go past the check: a golden image may be a phantom."""
    ensemble = Ensemble.load(make_bundle(checked=True))
    ensemble.verify_golden()
    (answer,) = ensemble.screen([ensemble.prepare(known()[0])])
    assert_same_scores(scores_of(ensemble, [known()[0], unknown()[0]])[:1], [answer])
    assert ensemble.screen([]) == []


def test_members_still_run_once(make_bundle: Make) -> None:
    """Features come out of the graph that gives the probabilities, traced once."""
    traced: list[str] = []
    with noted_traces(traced):
        ensemble = Ensemble.load(make_bundle(checked=True))
    for size in (1, 3, 2):
        ensemble.screen([ensemble.prepare(image) for image in known()[:size]])
    assert len(traced) == len(ensemble._members) == 2


def test_files_are_refused_too(make_bundle: Make, tmp_path: Path) -> None:
    """`screening score` says not applicable, with the reason, and gives no scores."""
    for name, image in (("known.png", known()[0]), ("unknown.png", unknown()[0])):
        Image.fromarray(image).save(tmp_path / name)
    ensemble = Ensemble.load(make_bundle(checked=True))
    files = [tmp_path / "unknown.png", tmp_path / "known.png"]
    refused, scored = score_files(ensemble, files, RULES)
    assert (refused.state, refused.reason) == ("not_applicable", "unlike_chest_radiograph")
    assert refused.scores is None
    assert refused.priority is None
    assert scored.state == "classified"
    assert scored.scores is not None


def test_changed_statistics_stop_the_bundle(make_bundle: Make) -> None:
    """Their digest is checked like that of the weights."""
    bundle = make_bundle(checked=True)
    path = bundle.directory / "known-pictures.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BundleError, match=r"known-pictures\.npz: expected"):
        Ensemble.load(bundle)


def test_a_layer_that_is_not_there_stops_the_bundle(make_bundle: Make) -> None:
    """Before the first picture."""
    with pytest.raises(BundleError, match="expected a layer named absent"):
        Ensemble.load(make_bundle(checked=True, layer="absent"))


def test_statistics_of_another_layer_stop_the_bundle(make_bundle: Make) -> None:
    """Numbers of features that differ are told by the golden images, before any picture."""
    ensemble = Ensemble.load(make_bundle(checked=True, features=7))
    with pytest.raises(BundleError, match="expected 7 features of each image"):
        ensemble.verify_golden()


def test_a_picture_at_the_threshold_is_accepted(tmp_path: Path) -> None:
    """Only what is further away is refused."""
    random = np.random.default_rng(0)
    features = random.standard_normal((50, 4)).astype(np.float32)
    statistics = fit_statistics(features, ["all"] * 50)
    write_statistics(tmp_path / "known.npz", statistics)
    threshold = float(statistics.distances(features[:1])[0])
    check = OutlierCheckSection(
        member="any",
        layer="any",
        method=OutlierCheckMethod.MAHALANOBIS,
        threshold=threshold,
        statistics={"file": "known.npz", "sha256": SHA256, "bytes": 1},
    )
    distance = OutlierCheck(check, tmp_path)
    near, far = distance.answers(np.stack([features[0], features[0] + 9]))
    assert near.refusal is None
    assert far.refusal is not None
    assert f"at most {threshold:.2f}" in far.refusal.found
    assert near.distance is not None
    assert far.distance is not None
    assert near.distance <= threshold < far.distance
