"""The further terms of the loss, each alone, and a run that learns with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the terms are Keras's")

import keras

from screening.networks.architectures import Architecture
from tests.training.packed_images import packed_site, small_protocol
from tests.training.quiet_report import QuietReport
from tests.unit.training_networks.conftest import build_tiny
from training.data.manifest import Label
from training.data.splits import Part
from training.errors import TrainingError
from training.fit.objective import (
    Layout,
    among_rivals_loss,
    contrast_loss,
    known_findings_loss,
    losses_by_hospital,
    matched_loss,
    objective,
    packed_targets,
    training_network,
    variance_of,
    worst_of,
)
from training.fit.partial_label import partial_label_loss
from training.fit.train_protocol import run_protocol
from training.protocols.loss_terms import Terms
from training.protocols.registry import PROTOCOLS
from training.runs.checkpoint import read_arrays_of
from training.runs.folder import WEIGHTS, read_run, read_split
from training.runs.history import EpochRecord, read_history
from training.runs.request import RunRequest, parse_terms

pytestmark = pytest.mark.tensorflow

HOSPITAL = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


class BrokenOff(QuietReport):
    """Breaks a run off after its second epoch."""

    def epoch(self, record: EpochRecord) -> None:
        """Break off."""
        if record.epoch == 2:
            raise KeyboardInterrupt


def numbers(tensor: object) -> np.ndarray:
    """Return a tensor's numbers."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_tuberculosis_is_what_covid19_and_normal_leave() -> None:
    """A partial label of none of the two is the logarithm of what is left, in both networks."""
    for name in ("unseen-coronet", "unseen-concatenated"):
        protocol = PROTOCOLS[name]
        (stratum,) = (s for s in protocol.strata if Label.TUBERCULOSIS in s.labels)
        allowed = protocol.allowed(stratum.klass or "")
        assert set(protocol.classes) - set(allowed) == {"covid19", "normal"}
        mask = np.array([[klass in allowed for klass in protocol.classes]], np.float32)
        found = np.full((1, len(protocol.classes)), 1 / len(protocol.classes), np.float32)
        expected = -np.log(mask.sum() / len(protocol.classes))
        assert numbers(partial_label_loss(mask, found)) == pytest.approx([expected], rel=1e-5)


def test_unknown_findings_do_not_count() -> None:
    """Only what is known of an image is asked; nothing known costs nothing."""
    known = np.array([[1, 0], [1, 1], [0, 0]], np.float32)
    there = np.array([[1, 1], [1, 0], [1, 1]], np.float32)
    logits = np.array([[2.0, -9.0], [2.0, 1.0], [5.0, 5.0]], np.float32)
    yes, no = np.log1p(np.exp(-2.0)), np.log1p(np.exp(1.0))
    expected = [yes, (yes + no) / 2, 0.0]
    assert numbers(known_findings_loss(known, there, logits)) == pytest.approx(expected, rel=1e-5)


def test_a_hospital_is_told_among_its_rivals_alone() -> None:
    """A hospital that has no such class is no rival, however likely it is called."""
    rivals = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    logits = np.array([[1.0, 1.0, 9.0], [2.0, 0.0, 9.0], [0.0, 0.0, 9.0]], np.float32)
    found = numbers(among_rivals_loss(HOSPITAL, rivals, logits))
    assert found == pytest.approx([np.log(2), np.log1p(np.exp(-2.0)), 0.0], abs=1e-5)


def test_the_contrast_draws_one_class_of_two_hospitals_together() -> None:
    """Alike across hospitals is cheaper; a class of one hospital alone costs nothing."""
    allowed = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    alike = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    apart = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    near = numbers(contrast_loss(allowed, HOSPITAL, alike))
    far = numbers(contrast_loss(allowed, HOSPITAL, apart))
    assert near[0] < 0.01 < far[0]
    assert near[1] == far[1] == 0.0


def test_an_image_is_ranked_among_those_of_its_own_hospital() -> None:
    """Only pairs of one hospital count, only certain classes, and not the hospital's level."""
    allowed = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 1]], np.float32)
    hospital = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    probabilities = np.array(
        [[0.6, 0.3, 0.1], [0.6, 0.2, 0.2], [0.9, 0.05, 0.05], [0.1, 0.1, 0.8]], np.float32
    )
    losses = numbers(matched_loss(allowed, hospital, probabilities))

    def below(own: float, other: float) -> float:
        margin = np.log(own / (1 - own)) - np.log(other / (1 - other))
        return float(np.log1p(np.exp(-margin)))

    expected = [below(0.6, 0.6), below(0.2, 0.3), below(0.9, 0.1), 0.0]
    assert losses == pytest.approx(expected, rel=1e-4)
    alone = numbers(matched_loss(allowed, np.eye(4, dtype=np.float32), probabilities))
    assert alone.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_losses_are_compared_between_the_hospitals_shown() -> None:
    """Variance and worst look at means of hospitals, and at none that the batch lacks."""
    losses, shown = losses_by_hospital(keras.ops.array([1.0, 3.0, 4.0]), HOSPITAL)
    assert numbers(losses).tolist() == [2.0, 4.0, 0.0]
    assert numbers(shown).tolist() == [1.0, 1.0, 0.0]
    assert float(variance_of(losses, shown)) == pytest.approx(1.0)
    weight = 1 / (1 + np.exp(-2.0))
    assert float(worst_of(losses, shown)) == pytest.approx(4 * weight + 2 * (1 - weight), rel=1e-5)


def test_the_adversary_turns_the_gradient_round() -> None:
    """What tells the hospital better makes the features tell it less."""
    import tensorflow as tf

    layout = Layout(classes=3, findings=2, hospitals=2)
    model = build_tiny((64, 64, 3), 3)
    learner = training_network(model, layout)
    images = np.random.default_rng(0).random((4, 64, 64, 3), dtype=np.float32)
    targets = packed_targets(
        np.eye(3, dtype=np.float32)[[0, 0, 1, 1]], np.zeros((4, 2, 2), np.float32), list("abab")
    )
    gradients = {}
    for weight in (0.0, 1.0, 2.0):
        loss, _ = objective(layout, Terms(classes=0.0, adversary=weight, contrast=1e-12))
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(targets, learner(images, training=False)))
        kernel = model.get_layer("conv").kernel
        head = learner.get_layer("term_hospitals").kernel
        gradients[weight] = tape.gradient(value, [kernel.value, head.value])
    assert gradients[0.0][0] is None or np.allclose(gradients[0.0][0], 0, atol=1e-6)
    moved = -1e-2 * numbers(gradients[1.0][0])
    hospitals = layout.of_outputs(learner(images, training=False))[2]
    rivals, hospital = layout.of_targets(targets)[4], layout.of_targets(targets)[3]
    before = float(np.mean(numbers(among_rivals_loss(hospital, rivals, hospitals))))
    model.get_layer("conv").kernel.assign_add(moved)
    hospitals = layout.of_outputs(learner(images, training=False))[2]
    after = float(np.mean(numbers(among_rivals_loss(hospital, rivals, hospitals))))
    assert after > before


def test_rivals_are_hospitals_of_the_same_class() -> None:
    """The last columns of the targets say who has the class."""
    allowed = np.eye(2, dtype=np.float32)[[0, 0, 1]]
    targets = packed_targets(allowed, np.zeros((3, 2, 1), np.float32), ["a", "b", "b"])
    assert targets[:, -2:].tolist() == [[1, 1], [1, 1], [0, 1]]
    assert targets.shape == (3, 2 + 1 + 1 + 2 + 2)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, lung_field: Path) -> Path:
    """Return a pack of made images."""
    return packed_site(tmp_path_factory.mktemp("packed"), lung_field)


def test_a_run_with_terms_ends_as_one_that_was_never_broken(
    pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """Heads, optimizer and the mean of weights go on; the kept weights are the mean."""
    protocol = replace(small_protocol("unseen-coronet"), epochs=3)
    terms = {
        "findings": 0.5,
        "adversary": 0.1,
        "contrast": 0.1,
        "variance": 0.1,
        "worst": 0.1,
        "matched": 0.1,
    }
    request = RunRequest(data=pack, out=tmp_path / "whole", terms=terms)
    run_protocol(protocol, request, QuietReport(), tiny_architectures)
    broken = replace(request, out=tmp_path / "broken", resume=True)
    with pytest.raises(KeyboardInterrupt):
        run_protocol(protocol, broken, BrokenOff(), tiny_architectures)
    run_protocol(protocol, broken, QuietReport(), tiny_architectures)
    whole, again = (
        read_arrays_of(tmp_path / name / "fold-1" / WEIGHTS) for name in ("whole", "broken")
    )
    assert whole.keys() == again.keys()
    assert not any(name.startswith("term_") for name in whole)
    for name, array in whole.items():
        assert again[name] == pytest.approx(array, abs=1e-4)


def test_a_hospital_to_stop_by_chooses_the_epoch(
    pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """It is validated on, never trained on; without a gain training stops, and the best counts."""
    protocol = replace(small_protocol("unseen-concatenated"), epochs=9)
    request = RunRequest(
        data=pack,
        out=tmp_path / "run",
        leave_out=("covid_cxnet",),
        stop_by=("valencia", "pakistan"),
        patience=1,
    )
    run_protocol(protocol, request, QuietReport(), tiny_architectures)
    assert read_run(request.out).stopped_by == ("pakistan", "valencia")
    parts: dict[Part, int] = {}
    for used in read_split(request.out / "fold-1"):
        parts[used.part] = parts.get(used.part, 0) + 1
    assert parts[Part.VALIDATION] >= 52
    areas = [each.left_out_area for each in read_history(request.out / "fold-1" / "history.jsonl")]
    assert len(areas) < 9
    assert areas[-1] <= max(areas[:-1])
    assert (request.out / "fold-1" / WEIGHTS).exists()


def test_terms_are_asked_for_by_name(pack: Path, tmp_path: Path) -> None:
    """A term that is none, a weight that is none, and a paper's own protocol are refused."""
    with pytest.raises(TrainingError, match="weight of 0 or more"):
        parse_terms(["contrast"])
    request = RunRequest(data=pack, out=tmp_path, terms={"magic": 1.0})
    with pytest.raises(TrainingError, match="found magic; correct --term"):
        run_protocol(PROTOCOLS["unseen-coronet"], request, QuietReport())
    request = replace(request, terms={"contrast": 1.0})
    with pytest.raises(TrainingError, match="as its paper says"):
        run_protocol(PROTOCOLS["khan2020-4class"], request, QuietReport())
    with pytest.raises(TrainingError, match="leave out --images"):
        run_protocol(
            PROTOCOLS["khan2020-4class"], replace(request, terms={}, images=4), QuietReport()
        )
