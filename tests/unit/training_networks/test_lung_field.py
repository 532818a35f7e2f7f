"""A lung field network from folders to weights, figures and record, on small made images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np

from screening.imaging.network_input.lung_field import LungFieldSpec
from screening.networks.lung_field import build_lung_field
from screening.networks.weights import load_weights
from tests.training.lung_images import lungs_of, picture_of, write_lung_data
from training.errors import TrainingError
from training.lung_field.fit import LungFieldFit, fit_lung_field

pytestmark = pytest.mark.tensorflow

SPEC = LungFieldSpec(height=32, width=32)
REPEATED = """
import hashlib, sys
from pathlib import Path
import numpy as np
from screening.imaging.network_input.lung_field import LungFieldSpec
from training.fit.devices import make_deterministic
from training.lung_field import fit
from training.lung_field.fit import LungFieldFit, fit_lung_field

fit.BATCH = 10  # Two equal batches: Keras makes a graph for each size, which takes long.

def trained(run, stop_after=None, resume=False):
    def on_epoch(epoch, loss):
        if epoch == stop_after:
            raise KeyboardInterrupt
    model = fit_lung_field(
        images, masks, LungFieldSpec(height=64, width=64), run,
        LungFieldFit(epochs=3, seed=1, identity="same", resume=resume, on_epoch=on_epoch),
    )
    return hashlib.sha256(b"".join(w.numpy().tobytes() for w in model.weights)).hexdigest()

make_deterministic()
images = np.random.default_rng(0).integers(0, 256, (20, 64, 64)).astype(np.uint8)
masks = np.where(images > 128, np.uint8(255), np.uint8(0))
once, broken = (Path(sys.argv[1]) / name for name in ("once", "broken"))
once.mkdir()
broken.mkdir()
try:
    trained(broken, stop_after=2)
except KeyboardInterrupt:
    pass
print(trained(once), trained(broken, resume=True))
"""


@pytest.mark.timeout(600)
def test_the_command_trains_and_measures(tmp_path: Path) -> None:
    """One command leaves weights that load strictly, and a record with figures, seed and digest."""
    images, masks = write_lung_data(tmp_path)
    run = tmp_path / "run"
    words = ["--images", images, "--masks", masks, "--out", run, "--epochs", "2", "--seed", "3"]
    ended = screening_train(*map(str, words))
    assert ended.returncode == 0, ended.stderr
    assert "12 images with masks: 10 to train on, 2 held out, in 1 split groups" in ended.stdout
    assert "Dice with masks held out: mean" in ended.stdout
    assert "overlap with drawn boxes: mean" in ended.stdout
    load_weights(build_lung_field(), [run / "weights.npz"])
    record = json.loads((run / "lung-field.json").read_text())
    assert record["images"] == {"trained": 10, "held_out": 2}
    assert (record["seed"], record["epochs"], record["spec"]["height"]) == (3, 2, 128)
    assert record["figures"]["dice"]["images"] == 2
    assert record["figures"]["box_overlap"]["images"] == 2, "only of groups held out"
    assert len(record["data_digest"]) == len(record["preprocessing_fingerprint"]) == 64


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    """The message names folder and option, without a traceback."""
    ended = screening_train("--images", str(tmp_path), "--masks", str(tmp_path / "absent"))
    assert ended.returncode != 0
    assert "expected a folder at" in ended.stderr
    assert "Traceback" not in ended.stderr


def screening_train(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, since it changes how TensorFlow computes."""
    return subprocess.run(
        [sys.executable, "-m", "screening", "train", "lung-field", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=570,
    )


@pytest.mark.timeout(600)
def test_a_broken_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    """Training again from the checkpoint gives the weights of one unbroken run, bit for bit."""
    ended = subprocess.run(
        [sys.executable, "-c", REPEATED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=570,
    )
    assert ended.returncode == 0, ended.stderr
    once, broken = ended.stdout.split()
    assert once == broken


def test_the_network_learns(tmp_path: Path) -> None:
    """Over a few epochs the loss falls."""
    lungs = [lungs_of(seed, 32, 32) for seed in range(16)]
    losses: list[float] = []
    fit_lung_field(
        np.stack([picture_of(each, seed) for seed, each in enumerate(lungs)]),
        np.where(lungs, np.uint8(255), np.uint8(0)),
        SPEC,
        tmp_path,
        LungFieldFit(
            epochs=8, seed=0, identity="any", on_epoch=lambda _epoch, loss: losses.append(loss)
        ),
    )
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_is_gone_on_with_only_if_asked(tmp_path: Path) -> None:
    """An earlier run's folder is not written over, and another run's checkpoint not taken."""
    images = np.stack([picture_of(lungs_of(seed, 32, 32), seed) for seed in range(2)])

    def again(identity: str, *, resume: bool) -> keras.Model:
        return fit_lung_field(
            images,
            images,
            SPEC,
            tmp_path,
            LungFieldFit(epochs=1, seed=0, identity=identity, resume=resume),
        )

    first = again("one", resume=False)
    with pytest.raises(TrainingError, match="has a run already, of 1 epoch"):
        again("one", resume=False)
    with pytest.raises(TrainingError, match=r"belongs to another run \(expected two, found one\)"):
        again("two", resume=True)
    for one, other in zip(first.weights, again("one", resume=True).weights, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())
