"""From finished runs to a bundle that the stations load."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.registry import Bundle, load_bundle, verify_files
from screening.domain.scores import Class
from screening.ensemble.ensemble import Ensemble
from screening.networks import architectures as serving
from screening.networks.architectures import Architecture
from tests.bundles.same_scores import scores_of
from tests.training.trained_runs import Site
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.of_runs import evaluate_runs
from training.inference.combination import common_images
from training.release import member_weights as stored_member
from training.release import parity
from training.release.export import export_bundle
from training.release.parity import Parity, check_parity
from training.runs.folder import read_split
from training.runs.held_out_scores import (
    by_image,
    predictions_path,
    read_predictions,
    trained_folds,
)

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def tiny_serving(
    monkeypatch: pytest.MonkeyPatch, tiny_architectures: dict[str, Architecture]
) -> None:
    """Let the stations build the small networks too."""
    for name in ("coronet", "concatenated"):
        monkeypatch.setitem(serving.ARCHITECTURES, name, tiny_architectures[name])  # type: ignore[arg-type]  # a dictionary, read-only by its type


@pytest.mark.usefixtures("tiny_serving")
def test_an_exported_bundle_serves(released: Bundle) -> None:
    """Its files verify, its networks load, its golden images score as the manifest says."""
    verify_files(released)
    ensemble = Ensemble.load(load_bundle(released.directory))
    ensemble.verify_golden()
    manifest = released.manifest
    assert manifest.trained
    assert [member.architecture for member in manifest.members] == ["coronet", "concatenated"]
    assert sum(manifest.combination_weights) == pytest.approx(1, abs=1e-3)
    metrics = manifest.provenance["metrics"]
    assert metrics["part"] == "test"
    assert metrics["ensemble"]["pooled"]["images"] == 16
    assert (released.directory / "model-card.md").read_text().startswith("# Model card: chest 1")
    assert [path.name for path in released.directory.parent.iterdir()] == ["chest-1"]


@pytest.mark.usefixtures("tiny_serving")
def test_an_exported_bundle_scores_as_the_evaluation_does(site: Site, released: Bundle) -> None:
    """What the stations compute for test images is what the figures were made of."""
    from screening.imaging.rendering.radiograph_file import read_radiograph
    from training.inference.combination import combined_scores

    members = released.manifest.members
    folds = [trained_folds(run)[0] for run in site.runs]
    found = evaluate_runs(
        [[fold] for fold in folds], Part.TEST, site.predictor, together=True
    ).ensemble
    assert found
    assert found.combinations[0].weights == tuple(member.weight for member in members)
    predictions = common_images([site.predictor(fold, Part.TEST) for fold in folds])
    expected = combined_scores(predictions, found.combinations[0]).probabilities
    paths = [by_image(site.rows)[q.pixels_sha256].path for q in predictions[0].examples]
    scores = scores_of(Ensemble.load(released), [read_radiograph(path).pixels for path in paths])
    served = [[each.ensemble.of(klass) for klass in Class] for each in scores]
    np.testing.assert_allclose(served, expected, atol=parity.LARGEST_DIFFERENCE)


def test_the_same_runs_give_the_same_bundle(site: Site, released: Bundle, tmp_path: Path) -> None:
    """Nothing in a bundle depends on where and when it was made."""
    assert site.export(tmp_path / "again").digest == released.digest


def test_what_cannot_be_released_is_refused(site: Site, tmp_path: Path) -> None:
    """Another manifest, another kind of run, an unknown precision, a folder that exists."""
    right = site.request(tmp_path / "bundle")
    mistakes = [
        (replace(right, rows=site.rows[1:]), "expected the manifest that"),
        (replace(right, runs=[tmp_path / "no run"]), "expected the folder of a training run"),
        (replace(right, most_bytes=20_000), "expected a bundle of at most 0.0 MB"),
        (replace(right, out=tmp_path), "exists already"),
    ]
    for request, message in mistakes:
        with pytest.raises(TrainingError, match=message):
            export_bundle(request, site.predictor, site.scorer)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_stored_as_small_as_answers_allow(
    site: Site, released: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 bits where they keep parity, float32 where nothing less does; a fixed choice is kept to."""
    easy = released.manifest.provenance["stored_weights"]
    assert set(easy["precision"].values()) == {"int7"}
    assert easy["parity"]["ensemble"]["images"] == 64
    monkeypatch.setattr(stored_member, "keeps_parity", lambda *_: False)
    plain = replace(site.request(tmp_path / "strict"), outlier_check=False)
    strict = export_bundle(plain, site.predictor, site.scorer).manifest
    assert set(strict.provenance["stored_weights"]["precision"].values()) == {"float32"}
    files = sorted(path.name for path in (tmp_path / "strict").glob("*.npz"))
    assert files == sorted(file.file for member in strict.members for file in member.weights)
    monkeypatch.setattr(parity, "LARGEST_DIFFERENCE", -1.0)
    fixed = replace(plain, out=tmp_path / "none", precision="int7")
    with pytest.raises(TrainingError, match="with --precision float16 or float32"):
        export_bundle(fixed, site.predictor, site.scorer)


def test_weights_that_answer_otherwise_are_refused() -> None:
    """One score that moves too far, or too many decisions that turn, stop the release."""
    check_parity([("a", Parity(500, 0.01, 0.995), 1.0)])
    for found in (Parity(500, 0.0101, 1.0), Parity(500, 0.001, 0.994)):
        with pytest.raises(TrainingError, match="a: expected stored weights"):
            check_parity([("a", found, 1.0)])


def test_a_member_that_weighs_little_may_answer_a_little_otherwise() -> None:
    """By as much as the ensemble's scores allow, and never by more than one that weighs a fifth."""
    check_parity([("a", Parity(500, 0.039, 0.981), 0.25), ("b", Parity(500, 0.049, 0.976), 0.01)])
    for weight, found in (
        (0.25, Parity(500, 0.041, 1.0)),
        (0.25, Parity(500, 0.0, 0.979)),
        (0.01, Parity(500, 0.051, 1.0)),
    ):
        with pytest.raises(TrainingError, match=r"more than 0\.0[45]"):
            check_parity([("a", found, weight)])


def test_answers_are_kept_until_the_weights_change(site: Site) -> None:
    """A report reads them without the images; other weights make them void."""
    fold = trained_folds(site.runs[0])[0]
    selected = site.predictor(fold, Part.TEST)
    kept = read_predictions(fold, Part.TEST)
    assert kept.examples == selected.examples
    np.testing.assert_array_equal(kept.probabilities, selected.probabilities)
    tested = [used for used in read_split(fold.directory) if used.part is Part.TEST]
    assert [q.pixels_sha256 for q in kept.examples] == [used.pixels_sha256 for used in tested]
    weights = fold.weights.read_bytes()
    try:
        fold.weights.write_bytes(weights + b"\0")
        with pytest.raises(TrainingError, match="screening train evaluate"):
            read_predictions(fold, Part.TEST)
    finally:
        fold.weights.write_bytes(weights)
    assert predictions_path(fold, Part.TEST).is_file()


def test_the_evaluation_is_plain_json(site: Site, tmp_path: Path) -> None:
    """The document has every run, the ensemble and its sources, and no value that JSON has not."""
    from training.evaluation.files import write_evaluation

    runs = [trained_folds(run) for run in site.runs]
    write_evaluation(tmp_path, evaluate_runs(runs, Part.TEST, site.predictor, together=True))
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert [run["protocol"] for run in found["runs"]] == ["four", "three"]
    assert set(found["ensemble"]["ensemble"]["sources"]) == {"ieee8023", "kermany"}
    assert found["ensemble"]["chosen_on_validation_data"] is True
    assert {path.name for path in tmp_path.glob("confusion-*.csv")} >= {"confusion-four.csv"}
