"""Two small networks trained on a few made images, and what scores for them."""

from dataclasses import replace
from pathlib import Path

from screening.bundles.registry import Bundle
from screening.domain.scores import Class
from screening.networks.architectures import Architecture
from tests.training.data_manifests import every_collection, write_pictures
from tests.training.quiet_report import QuietReport
from training.data.manifest import ImageRow, read_manifest
from training.data.splits import Part
from training.evaluation.of_runs import Predictor
from training.fit.train_protocol import run_protocol
from training.inference.score_files import FileScorer
from training.protocols.protocol import GroupHoldout, Protocol
from training.protocols.registry import PROTOCOLS
from training.release.export import ExportRequest, export_bundle
from training.runs.held_out_scores import Predictions, TrainedFold, by_image, predicted
from training.runs.request import RunRequest

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
    """A manifest, two runs on it, and what scores for them."""

    def __init__(self, folder: Path, architectures: Architectures) -> None:
        self.manifest = write_pictures(folder, every_collection())
        self.rows: tuple[ImageRow, ...] = read_manifest(self.manifest)
        self.scorer = FileScorer(architectures=architectures)
        self.runs = (folder / "four", folder / "three")
        four = held_out("four", "coronet", PROTOCOLS["khan2020-4class"].classes)
        three = held_out("three", "concatenated", tuple(klass.value for klass in Class))
        for protocol, run in zip((four, three), self.runs, strict=True):
            request = RunRequest(data=self.manifest, out=run, epochs=8)
            run_protocol(protocol, request, QuietReport(), architectures)

    @property
    def predictor(self) -> Predictor:
        """Scores to a part, kept in the run."""
        rows = by_image(self.rows)

        def predictor(fold: TrainedFold, part: Part) -> Predictions:
            return predicted(fold, part, rows, self.scorer)

        return predictor

    def request(self, out: Path) -> ExportRequest:
        """Return a call of the command with everything right."""
        return ExportRequest(runs=self.runs, name="chest", version="1", rows=self.rows, out=out)

    def export(self, out: Path) -> Bundle:
        """Export both runs."""
        return export_bundle(self.request(out), self.predictor, self.scorer)
