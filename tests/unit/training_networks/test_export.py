"""From finished runs to a bundle that the stations load."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.registry import Bundle, load_bundle, verify_files
from screening.classify.ensemble import Ensemble
from screening.domain.scores import Class
from screening.networks import architectures as serving
from screening.networks.architectures import Architecture
from tests.quiet_report import QuietReport
from tests.radiograph_rows import every_collection, write_pictures
from training import parity
from training.answering import Answering
from training.combination import common_images
from training.data_manifest import ImageRow, read_manifest
from training.errors import TrainingError
from training.evaluate_runs import Ask, evaluate_runs
from training.export import ExportRequest, export_bundle
from training.parity import Parity, check_parity
from training.predictions import (
    Predictions,
    TrainedFold,
    by_picture,
    predicted,
    predictions_path,
    read_predictions,
    trained_folds,
)
from training.protocols.protocol import GroupHoldout, Protocol
from training.protocols.registry import PROTOCOLS
from training.run_directory import read_split
from training.run_protocol import run_protocol
from training.run_request import RunRequest
from training.splits import Part

pytestmark = pytest.mark.tensorflow

Architectures = dict[str, Architecture]
SMALL = 64


def held_out(name: str, architecture: str, classes: tuple[str, ...]) -> Protocol:
    """Return a protocol on the images of CoroNet, with a test part; equal names, equal splits."""
    four = PROTOCOLS["khan2020-4class"]
    strata = tuple(
        stratum if stratum.klass in classes else replace(stratum, klass="pneumonia")
        for stratum in four.strata
    )
    return replace(
        four,
        name=name,
        architecture=architecture,
        classes=classes,
        strata=strata,
        split=GroupHoldout(train=0.5, validation=0.25, test=0.25),
        height=SMALL,
        width=SMALL,
        learning_rate=0.01,
    )


class Site:
    """A manifest, two runs on it, and what answers for them."""

    def __init__(self, folder: Path, architectures: Architectures) -> None:
        self.manifest = write_pictures(folder, every_collection())
        self.rows: tuple[ImageRow, ...] = read_manifest(self.manifest)
        self.answering = Answering(architectures=architectures)
        self.runs = (folder / "four", folder / "three")
        four = held_out("four", "coronet", PROTOCOLS["khan2020-4class"].classes)
        three = held_out("three", "concatenated", tuple(klass.value for klass in Class))
        for protocol, run in zip((four, three), self.runs, strict=True):
            request = RunRequest(data=self.manifest, out=run, epochs=8)
            run_protocol(protocol, request, QuietReport(), architectures)

    @property
    def ask(self) -> Ask:
        """Answers to a part, kept in the run."""
        rows = by_picture(self.rows)

        def ask(fold: TrainedFold, part: Part) -> Predictions:
            return predicted(fold, part, rows, self.answering)

        return ask

    def request(self, out: Path) -> ExportRequest:
        """Return a call of the command with everything right."""
        return ExportRequest(runs=self.runs, name="chest", version="1", rows=self.rows, out=out)

    def export(self, out: Path) -> Bundle:
        """Export both runs."""
        return export_bundle(self.request(out), self.ask, self.answering)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tiny_architectures: Architectures) -> Site:
    """Return two small trained runs."""
    return Site(tmp_path_factory.mktemp("site"), tiny_architectures)


@pytest.fixture
def tiny_serving(monkeypatch: pytest.MonkeyPatch, tiny_architectures: Architectures) -> None:
    """Let the stations build the small networks too."""
    for name in ("coronet", "concatenated"):
        monkeypatch.setitem(serving.ARCHITECTURES, name, tiny_architectures[name])  # type: ignore[arg-type]  # a dictionary, read-only by its type


@pytest.mark.usefixtures("tiny_serving")
def test_an_exported_bundle_serves(site: Site, tmp_path: Path) -> None:
    """Its files verify, its networks load, its golden images score as the manifest says."""
    bundle = site.export(tmp_path / "chest-1")
    verify_files(bundle)
    ensemble = Ensemble.load(load_bundle(bundle.directory))
    ensemble.verify_golden()
    manifest = bundle.manifest
    assert manifest.trained
    assert [member.architecture for member in manifest.members] == ["coronet", "concatenated"]
    assert sum(manifest.combination_weights) == pytest.approx(1, abs=1e-3)
    metrics = manifest.provenance["metrics"]
    assert metrics["part"] == "test"
    assert metrics["ensemble"]["pooled"]["images"] == 16
    assert (bundle.directory / "model-card.md").read_text().startswith("# Model card: chest 1")
    assert [path.name for path in tmp_path.iterdir()] == ["chest-1"]


@pytest.mark.usefixtures("tiny_serving")
def test_an_exported_bundle_scores_as_the_evaluation_does(site: Site, tmp_path: Path) -> None:
    """What the stations compute for test pictures is what the figures were made of."""
    from training.combination import combined_answers
    from training.pictures import read_radiograph

    bundle = site.export(tmp_path / "chest-1")
    members = bundle.manifest.members
    folds = [trained_folds(run)[0] for run in site.runs]
    found = evaluate_runs([[fold] for fold in folds], Part.TEST, site.ask, together=True).ensemble
    assert found
    assert found.combinations[0].weights == tuple(member.weight for member in members)
    answers = common_images([site.ask(fold, Part.TEST) for fold in folds])
    expected = combined_answers(answers, found.combinations[0]).probabilities
    paths = [by_picture(site.rows)[q.pixels_sha256].path for q in answers[0].questions]
    scores = Ensemble.load(bundle).score([read_radiograph(path) for path in paths])
    served = [[each.ensemble.of(klass) for klass in Class] for each in scores]
    np.testing.assert_allclose(served, expected, atol=0.01)


def test_the_same_runs_give_the_same_bundle(site: Site, tmp_path: Path) -> None:
    """Nothing in a bundle depends on where and when it was made."""
    assert site.export(tmp_path / "one").digest == site.export(tmp_path / "two").digest


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
            export_bundle(request, site.ask, site.answering)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_stored_as_small_as_answers_allow(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 bits where they keep parity, float32 where nothing less does; a fixed choice is kept to."""
    easy = site.export(tmp_path / "easy").manifest.provenance["stored_weights"]
    assert set(easy["precision"].values()) == {"int8"}
    assert easy["parity"]["ensemble"]["images"] == 64
    monkeypatch.setattr(parity, "LARGEST_DIFFERENCE", 0.0)
    strict = site.export(tmp_path / "strict").manifest
    assert set(strict.provenance["stored_weights"]["precision"].values()) == {"float32"}
    files = sorted(path.name for path in (tmp_path / "strict").glob("*.npz"))
    assert files == sorted(file.file for member in strict.members for file in member.weights)
    with pytest.raises(TrainingError, match="with --precision float16 or float32"):
        export_bundle(
            replace(site.request(tmp_path / "none"), precision="int8"), site.ask, site.answering
        )


def test_weights_that_answer_otherwise_are_refused() -> None:
    """One score that moves too far, or too many decisions that turn, stop the release."""
    check_parity([("a", Parity(500, 0.01, 0.995))])
    for found in (Parity(500, 0.0101, 1.0), Parity(500, 0.001, 0.994)):
        with pytest.raises(TrainingError, match="a: expected stored weights"):
            check_parity([("a", found)])


def test_answers_are_kept_until_the_weights_change(site: Site) -> None:
    """A report reads them without the pictures; other weights make them void."""
    fold = trained_folds(site.runs[0])[0]
    asked = site.ask(fold, Part.TEST)
    kept = read_predictions(fold, Part.TEST)
    assert kept.questions == asked.questions
    np.testing.assert_array_equal(kept.probabilities, asked.probabilities)
    tested = [used for used in read_split(fold.directory) if used.part is Part.TEST]
    assert [q.pixels_sha256 for q in kept.questions] == [used.pixels_sha256 for used in tested]
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
    from training.evaluation_files import write_evaluation

    runs = [trained_folds(run) for run in site.runs]
    write_evaluation(tmp_path, evaluate_runs(runs, Part.TEST, site.ask, together=True))
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert [run["protocol"] for run in found["runs"]] == ["four", "three"]
    assert set(found["ensemble"]["ensemble"]["sources"]) == {"ieee8023", "kermany"}
    assert found["ensemble"]["chosen_on_validation_data"] is True
    assert {path.name for path in tmp_path.glob("confusion-*.csv")} >= {"confusion-four.csv"}
