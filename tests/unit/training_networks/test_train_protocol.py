"""Every protocol runs from its manifest to the weights of its folds."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import numpy as np

from screening.bundles.registry import Bundle
from screening.ensemble.members import load_network as load_member_network
from screening.errors import BundleError
from screening.imaging.network_input.lung_field import View
from screening.networks.architectures import Architecture
from tests.training.data_manifests import every_collection, write_pictures
from tests.training.trained_runs import Site
from training.data.splits import Part
from training.errors import DataError, TrainingError
from training.fit.loop import CHECKPOINT
from training.fit.train_protocol import run_protocol
from training.networks.initial import load_network
from training.protocols.protocol import BalancedDraw, GroupHoldout, Protocol
from training.protocols.registry import PROTOCOLS
from training.runs.folder import (
    HISTORY,
    WEIGHTS,
    finished_folds,
    fold_directory,
    read_run,
    read_split,
)
from training.runs.history import EpochRecord, read_history
from training.runs.request import RunRequest

pytestmark = pytest.mark.tensorflow

Architectures = dict[str, Architecture]
SMALL = 64
FOUR = "khan2020-4class"


class HeardReport:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.images: dict[str, list[int]] = {}
        self.records: list[EpochRecord] = []

    def say(self, text: str) -> None:
        """Keep a fact."""
        self.said.append(text)

    def begin(self, what: str, images: int) -> None:
        """Keep a task's size, and room for what is done of it."""
        self.images[what] = [images, 0]

    def advance(self, images: int) -> None:
        """Count what is done of the newest task."""
        self.images[list(self.images)[-1]][1] += images

    def epoch(self, record: EpochRecord) -> None:
        """Keep an epoch."""
        self.records.append(record)


def small(name: str) -> Protocol:
    """Return a protocol with images of 64 x 64 pixels, four batches of them where it draws."""
    protocol = replace(PROTOCOLS[name], height=SMALL, width=SMALL)
    if not isinstance(protocol.draw, BalancedDraw):
        return protocol
    return replace(protocol, draw=replace(protocol.draw, images_per_epoch=4 * protocol.batch_size))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of images from every collection."""
    return write_pictures(tmp_path_factory.mktemp("data"), every_collection())


@pytest.fixture(scope="module")
def four_classes(
    manifest: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_architectures: Architectures,
) -> Path:
    """Return a run of fold 1 of the 4-class network."""
    out = tmp_path_factory.mktemp("four")
    request = RunRequest(data=manifest, out=out, fold=1, epochs=1)
    run_protocol(small(FOUR), request, HeardReport(), tiny_architectures)
    return out


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != FOUR])
def test_a_protocol_runs(
    name: str,
    manifest: Path,
    four_classes: Path,
    lung_field: Path,
    tmp_path: Path,
    tiny_architectures: Architectures,
) -> None:
    """One epoch of the first fold, two phases where there are phases, leaves weights and papers."""
    protocol = small(name)
    report = HeardReport()
    request = RunRequest(
        data=manifest,
        out=tmp_path,
        fold=1,
        phase=min(2, protocol.phases),
        epochs=1,
        fine_tune_from=four_classes if protocol.fine_tune_from else None,
        lung_field=lung_field if protocol.view is View.LUNG_FIELD else None,
    )
    run_protocol(protocol, request, report, tiny_architectures)
    assert finished_folds(tmp_path) == (1,)
    assert read_run(tmp_path).classes == protocol.classes
    folder = fold_directory(tmp_path, 1)
    assert len(read_history(folder / HISTORY)) == len(report.records) == request.phase
    parts = {used.part for used in read_split(folder)}
    assert {Part.TRAIN, Part.VALIDATION} <= parts
    assert all(total == done for total, done in report.images.values())
    network = load_network(tmp_path, 1, tiny_architectures)
    assert network.output_shape == (None, protocol.outputs)


def test_a_fine_tuned_network_starts_from_the_run_named(
    manifest: Path, four_classes: Path, tmp_path: Path, tiny_architectures: Architectures
) -> None:
    """Where only the head learns, the backbone is that of the 4-class network's same fold."""
    request = RunRequest(data=manifest, out=tmp_path, fold=1, epochs=1, fine_tune_from=four_classes)
    run_protocol(small("khan2020-binary"), request, HeardReport(), tiny_architectures)
    start, tuned = (load_network(run, 1, tiny_architectures) for run in (four_classes, tmp_path))

    def same(layer: str) -> bool:
        pairs = zip(
            start.get_layer(layer).get_weights(), tuned.get_layer(layer).get_weights(), strict=True
        )
        return all(np.array_equal(one, other) for one, other in pairs)

    assert (same("conv"), same("conv_bn"), same("hidden")) == (True, True, False)


def test_a_bundles_member_goes_on_with_its_last_layer(
    site: Site, released: Bundle, tmp_path: Path, tiny_architectures: Architectures
) -> None:
    """After no epoch it is what was released; whose images it may have seen is said."""
    protocol = replace(small(FOUR), split=GroupHoldout(train=0.6, validation=0.4, test=0.0))
    request = RunRequest(data=site.manifest, out=tmp_path, epochs=0, bundle=released.directory)
    report = HeardReport()
    run_protocol(protocol, request, report, tiny_architectures)
    found = load_network(tmp_path, 1, tiny_architectures).get_weights()
    coronet, _ = released.manifest.members
    stored = load_member_network(coronet, released.directory, site.scorer.architectures)
    for one, other in zip(found, stored.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert read_run(tmp_path).start == {"bundle": released.identity}
    assert not any("may have seen" in fact for fact in report.said)
    another = replace(request, out=tmp_path / "another", seed=1, epochs=1)
    run_protocol(protocol, another, report, tiny_architectures)
    assert any("may have seen images that this run holds out" in fact for fact in report.said)


def test_what_is_wrong_is_said_before_anything_is_trained(
    manifest: Path,
    four_classes: Path,
    released: Bundle,
    tmp_path: Path,
    tiny_architectures: Architectures,
) -> None:
    """Each mistake in the command is scored with what was expected and the remedy."""
    selected = RunRequest(data=manifest, out=tmp_path / "run", fold=1, epochs=1)
    mistakes = [
        (FOUR, replace(selected, epochs=0), "at least 1 epoch"),
        (FOUR, replace(selected, epochs=-1, bundle=released.directory), "at least 1 epoch"),
        (FOUR, replace(selected, fold=9), "folds 1 to 4"),
        (FOUR, replace(selected, phase=2), "phases 1 to 1"),
        (FOUR, replace(selected, fine_tune_from=four_classes), "leave out --from"),
        (FOUR, replace(selected, bundle=tmp_path, fine_tune_from=four_classes), "leave out --from"),
        (FOUR, replace(selected, bundle=tmp_path), "bundle"),
        (FOUR, replace(selected, backbone_weights=(tmp_path / "no.npz",)), r"no\.npz"),
        (FOUR, replace(selected, out=four_classes), "--resume, or name another --out"),
        (
            FOUR,
            replace(selected, out=four_classes, seed=1, resume=True),
            "seed .expected 1, found 0",
        ),
        ("khan2020-3class", selected, "fine-tuned from khan2020-4class.*--from"),
        ("khan2020-3class", replace(selected, fine_tune_from=tmp_path), "run that|made"),
        (
            "khan2020-3class",
            replace(selected, fine_tune_from=four_classes, fold=2),
            "trained fold 2.*found none",
        ),
        (
            "khan2020-3class",
            replace(selected, fine_tune_from=four_classes, seed=1),
            "same manifest with seed 1",
        ),
        (
            "soares2020-vgg16",
            replace(selected, out=four_classes, resume=True),
            "another run, of khan",
        ),
    ]
    for name, request, message in mistakes:
        with pytest.raises((TrainingError, BundleError), match=message):
            run_protocol(small(name), request, HeardReport(), tiny_architectures)
    assert not list(tmp_path.rglob(CHECKPOINT))


def test_a_bundle_that_does_not_fit_leaves_no_run(
    manifest: Path, released: Bundle, tmp_path: Path, tiny_architectures: Architectures
) -> None:
    """It is refused before images are decoded and the run's folder is made."""
    request = RunRequest(data=manifest, out=tmp_path / "run", fold=1, bundle=released.directory)
    report = HeardReport()
    with pytest.raises(TrainingError, match=r"member soares_vgg16.*coronet"):
        run_protocol(small("soares2020-vgg16"), request, report, tiny_architectures)
    assert (request.out.exists(), report.images) == (False, {})


def test_an_unreadable_picture_is_named(tmp_path: Path, tiny_architectures: Architectures) -> None:
    """A damaged file among the images ends the command before training, with its path."""
    data = write_pictures(tmp_path, every_collection())
    damaged = tmp_path / "ieee8023-covid19-3.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    request = RunRequest(data=data, out=tmp_path / "run", fold=1, epochs=1)
    with pytest.raises(DataError, match=damaged.name):
        run_protocol(small(FOUR), request, HeardReport(), tiny_architectures)


KILLED_RUN = """
import sys, time
from dataclasses import replace
from pathlib import Path
from tests.unit.training_networks.conftest import build_tiny
from tests.unit.training_networks.test_train_protocol import FOUR, HeardReport, small
from screening.networks.architectures import Architecture
from training.fit.train_protocol import run_protocol
from training.runs.request import RunRequest

request = RunRequest(data=Path(sys.argv[1]), out=Path(sys.argv[2]), fold=1, epochs=40)
tiny = {"coronet": Architecture(build_tiny, 64, 64, ("a",) * 4, 0, "")}
run_protocol(small(FOUR), request, HeardReport(), tiny)
"""


@pytest.mark.integration
def test_a_killed_process_goes_on_where_it_was(
    manifest: Path, tmp_path: Path, tiny_architectures: Architectures
) -> None:
    """After SIGKILL, --resume ends with the weights of a run that was never killed."""
    folder = fold_directory(tmp_path / "killed", 1)
    process = subprocess.Popen([sys.executable, "-c", KILLED_RUN, manifest, tmp_path / "killed"])
    try:
        deadline_s = time.monotonic() + 120
        while len(read_history(folder / HISTORY)) < 2 and time.monotonic() < deadline_s:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    finished = len(read_history(folder / HISTORY))
    assert finished >= 2
    epochs = finished + 2
    report = HeardReport()
    for out, resume in (("killed", True), ("whole", False)):
        request = RunRequest(
            data=manifest, out=tmp_path / out, fold=1, epochs=epochs, resume=resume
        )
        run_protocol(small(FOUR), request, report, tiny_architectures)
    assert len(report.records) <= epochs + 3
    weights = []
    for out in ("killed", "whole"):
        with np.load(fold_directory(tmp_path / out, 1) / WEIGHTS) as stored:
            weights.append(np.concatenate([stored[key].ravel() for key in sorted(stored.files)]))
    np.testing.assert_allclose(*weights, rtol=0, atol=1e-6)
