"""A run that was broken off ends as one that was not, and nothing half-written counts."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.preprocess import InputSpec
from screening.networks.weights import load_weights
from tests.unit.training_networks.conftest import build_tiny
from training.augmentation.geometry import GeometricAugmentation
from training.errors import TrainingError
from training.fit.devices import Replicas
from training.fit.loop import CHECKPOINT, FitSettings, PhasePlan, fit
from training.fit.time_estimate import expected_duration_s
from training.inference.outputs import predict
from training.inputs.batches import BatchOptions, RadiographBatches
from training.protocols.protocol import KeptWeights, OptimizerName
from training.runs.checkpoint import read_position
from training.runs.folder import HISTORY, WEIGHTS
from training.runs.history import EpochRecord, read_history

pytestmark = pytest.mark.tensorflow

SPEC = InputSpec(64, 64)
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (12, 64, 64), dtype=np.uint8)
TARGETS = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
WATCHED = RadiographBatches(
    RANDOM.random((6, 64, 64), dtype=np.float32), TARGETS[:6], SPEC, BatchOptions(batch_size=3)
)


class BrokenOffError(Exception):
    """Stands for whatever ends a process."""


def phase(rows: range, epochs: int = 2) -> PhasePlan:
    """Return a phase with everything random: order, augmentation, dropout, and Nadam."""
    batches = RadiographBatches(
        PICTURES,
        TARGETS,
        SPEC,
        BatchOptions(
            batch_size=5,
            rows=rows,
            augment=GeometricAugmentation(horizontal_flip=True, rotation_degrees=360.0),
            shuffle=True,
            seed=4,
        ),
    )
    return PhasePlan(
        batches=batches, epochs=epochs, learning_rate=0.01, optimizer=OptimizerName.NADAM
    )


PHASES = [phase(range(10)), phase(range(2, 12))]


def tiny(seed: int) -> keras.Model:
    """Return a fresh network."""
    keras.utils.set_random_seed(seed)
    return build_tiny((64, 64, 3), 3)


def state(model: keras.Model) -> NDArray[np.float32]:
    """Return every weight and optimizer variable, in one row."""
    variables = [*model.weights, *model.optimizer.variables]
    return np.concatenate([np.ravel(variable.numpy()) for variable in variables])


SETTINGS = FitSettings(identity="a run", kept=KeptWeights.LAST_EPOCH)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """Return a network after two phases of two epochs, and the folder of its run."""
    folder = tmp_path_factory.mktemp("unbroken")
    model = tiny(seed=1)
    fit(model, PHASES, WATCHED, folder, SETTINGS)
    return model, folder


@pytest.mark.parametrize("finished_epochs", [1, 2])
def test_a_run_goes_on_as_if_it_had_not_been_broken_off(
    unbroken: tuple[keras.Model, Path], tmp_path: Path, finished_epochs: int
) -> None:
    """Weights, optimizer and history are those of the unbroken run, within or between phases.

    The process ends in the middle of an epoch, and the next starts from another random state.
    """
    steps: list[int] = []

    def break_off(images: int) -> None:
        steps.append(images)
        if len(steps) > 2 * finished_epochs:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        fit(tiny(seed=1), PHASES, WATCHED, tmp_path, replace(SETTINGS, on_step=break_off))
    model = tiny(seed=99)
    fit(model, PHASES, WATCHED, tmp_path, replace(SETTINGS, resume=True))
    expected, folder = unbroken
    np.testing.assert_allclose(state(model), state(expected), rtol=0, atol=1e-6)
    assert figures(tmp_path) == figures(folder)
    with np.load(tmp_path / WEIGHTS) as weights:
        assert len(weights.files) == len(model.weights)


def figures(folder: Path) -> list[tuple[int, int, float, float, bool]]:
    """Return what a history says, but for times."""
    return [
        (r.phase, r.epoch, pytest.approx(r.loss), pytest.approx(r.validation_loss), r.best)
        for r in read_history(folder / HISTORY)
    ]


def test_another_seed_ends_elsewhere(unbroken: tuple[keras.Model, Path], tmp_path: Path) -> None:
    """The comparison above can fail: a run from other weights is not the same."""
    model = tiny(seed=2)
    fit(model, PHASES, WATCHED, tmp_path, SETTINGS)
    assert np.abs(state(model) - state(unbroken[0])).max() > 1e-3


def test_the_best_epoch_of_all_phases_is_kept(tmp_path: Path) -> None:
    """weights.npz is the network after the first epoch of the highest validation accuracy."""
    seen: dict[tuple[int, int], NDArray[np.float32]] = {}
    records: list[EpochRecord] = []
    model = tiny(seed=3)

    def note(record: EpochRecord) -> None:
        records.append(record)
        seen[record.phase, record.epoch] = predict(model, WATCHED)

    settings = replace(SETTINGS, kept=KeptWeights.BEST_VALIDATION_ACCURACY, on_epoch=note)
    fit(model, [phase(range(10), 4), phase(range(2, 12), 3)], WATCHED, tmp_path, settings)
    best = max(records, key=lambda record: record.validation_accuracy)
    kept = tiny(seed=9)
    load_weights(kept, [tmp_path / WEIGHTS])
    assert np.allclose(predict(kept, WATCHED), seen[best.phase, best.epoch], atol=1e-6)
    assert [r.best for r in records] == [
        all(r.validation_accuracy > earlier.validation_accuracy for earlier in records[:n])
        for n, r in enumerate(records)
    ]


def test_timing_a_run_changes_nothing(tmp_path: Path) -> None:
    """The steps that are timed leave no trace in weights, statistics or random states."""
    one, other = tiny(seed=5), tiny(seed=5)
    assert expected_duration_s(one, PHASES[:1], WATCHED, Replicas()) > 0
    for number, model in enumerate((one, other)):
        fit(model, PHASES[:1], WATCHED, tmp_path / str(number), SETTINGS)
    np.testing.assert_allclose(state(one), state(other), rtol=0, atol=1e-6)


@pytest.fixture(name="first_epoch", scope="module")
def run_of_one_epoch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run of one epoch, to be copied."""
    folder = tmp_path_factory.mktemp("one-epoch") / "run"
    fit(tiny(seed=1), [phase(range(10), 1)], WATCHED, folder, SETTINGS)
    return folder


@pytest.fixture
def one_epoch(first_epoch: Path, tmp_path: Path) -> Path:
    """Return a folder with a run of one epoch."""
    return Path(shutil.copytree(first_epoch, tmp_path / "run"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SETTINGS, "has a run already.*--resume"),
        (replace(SETTINGS, identity="another", resume=True), "belongs to another run"),
    ],
)
def test_a_run_is_not_overwritten(one_epoch: Path, settings: FitSettings, message: str) -> None:
    """A folder with a checkpoint is only gone on with, as asked, and by the same run."""
    with pytest.raises(TrainingError, match=message):
        fit(tiny(seed=1), PHASES, WATCHED, one_epoch, settings)


def test_a_damaged_checkpoint_is_refused(one_epoch: Path) -> None:
    """A file that was cut short is named, with what to do; it is never half used."""
    path = one_epoch / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(TrainingError, match=r"checkpoint\.npz.*remove it"):
        fit(tiny(seed=1), PHASES, WATCHED, one_epoch, replace(SETTINGS, resume=True))


def test_a_checkpoint_of_another_network_is_refused(one_epoch: Path) -> None:
    """Variables that do not fit are named; the network stays as it was."""
    keras.utils.set_random_seed(1)
    other = build_tiny((64, 64, 3), 2)
    before = [weight.numpy() for weight in other.weights]
    with pytest.raises(TrainingError, match="another network or optimizer"):
        fit(other, PHASES, WATCHED, one_epoch, replace(SETTINGS, resume=True))
    assert all(map(np.array_equal, before, other.get_weights()))


def test_a_full_disk_leaves_the_checkpoint_before(
    one_epoch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where writing fails, the error says what to do and the last whole checkpoint stands."""

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("training.runs.checkpoint.np.savez", full)
        with pytest.raises(TrainingError, match=r"No space left on device; make room.*--resume"):
            fit(
                tiny(seed=1),
                [phase(range(10), 3)],
                WATCHED,
                one_epoch,
                replace(SETTINGS, resume=True),
            )
    assert read_position(one_epoch / CHECKPOINT).epochs == 1
    assert [path.name for path in one_epoch.iterdir() if path.name.endswith(".part")] == []
    fit(tiny(seed=1), [phase(range(10), 3)], WATCHED, one_epoch, replace(SETTINGS, resume=True))
    assert [r.epoch for r in read_history(one_epoch / HISTORY)] == [1, 2, 3]


def test_a_run_that_has_diverged_ends(tmp_path: Path) -> None:
    """Weights that are no numbers are never taken for a checkpoint, even where the loss is one."""
    model = tiny(seed=1)
    model.get_layer("conv").kernel.assign(np.full((3, 3, 3, 4), np.nan))
    with pytest.raises(TrainingError, match=r"diverged.*lower the learning rate"):
        fit(model, PHASES, WATCHED, tmp_path, SETTINGS)
    assert not (tmp_path / CHECKPOINT).exists()
