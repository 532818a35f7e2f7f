"""A pack of crops, several runs on it, and what is brought back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.architectures import Architecture
from tests.training.packed_images import SMALL, packed_site, small_protocol
from training.accelerator import session as session_module
from training.accelerator.carried import RUNS, finish_stopped, write_weights
from training.accelerator.run_word import parse_run
from training.accelerator.session import JsonLines, Session, TimeUpError, train_runs
from training.accelerator.take import take_runs
from training.data.manifest import read_manifest
from training.data.splits import Part
from training.errors import DataError, TrainingError
from training.inputs.crop_pack import CROPS, MANIFEST, RECORD, CropPack, read_record
from training.inputs.input_view import input_spec
from training.inputs.make_crop_pack import choose_quality, webp
from training.left_out.of_runs import evaluate_left_out, scored_folds
from training.protocols.unseen import CORONET
from training.runs.checkpoint import read_arrays_of, write_arrays
from training.runs.folder import read_run, read_split
from training.runs.held_out_scores import by_image, read_kept, trained_folds
from training.runs.history import EpochRecord, read_history
from training.runs.request import Precision

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, lung_field: Path) -> Path:
    """Return a pack of made images."""
    return packed_site(tmp_path_factory.mktemp("packed"), lung_field)


@pytest.fixture(scope="module")
def brought(
    pack: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_architectures: dict[str, Architecture],
) -> Path:
    """Return what a machine wrote: a whole run, and one that left two hospitals out."""
    folder = tmp_path_factory.mktemp("machine")
    session = Session(
        pack=pack,
        work=folder / "work",
        out=folder / "out",
        minutes=60,
        precision=Precision.FLOAT32,
        workers=2,
        architectures=tiny_architectures,
        find=small_protocol,
    )
    words = ("unseen-concatenated", "unseen-coronet:leave-out=valencia+pakistan:term.contrast=0.1")
    train_runs(session, [parse_run(word) for word in words])
    return folder / "out"


def test_crops_are_squares_of_one_size(pack: Path) -> None:
    """Every image is packed once, near to what it is, under a record of how."""
    rows = read_manifest(pack / MANIFEST, check_files=False)
    record = read_record(pack)
    assert (record.images, record.side) == (len(rows), SMALL)
    crops = CropPack(pack)
    grey = crops.images(
        [row.pixels_sha256 for row in rows], input_spec(CORONET), exact=False, workers=2
    )
    assert (grey.shape, grey.dtype) == ((len(rows), 150, 150), np.uint8)
    for row in rows[::20]:
        image = read_radiograph(pack.parent / row.path.name).pixels
        assert image.shape == (SMALL, SMALL)  # nothing looks like lungs: packed whole
        error = np.abs(crops.crop(row.pixels_sha256).astype(float) - image)
        assert error.mean() < 25  # noise is what WebP keeps least of
    assert record.whole == len(rows)


def test_an_absent_crop_is_named(pack: Path, tmp_path: Path) -> None:
    """A pack without its archive, or an image that it lacks, is refused with the remedy."""
    with pytest.raises(DataError, match="expected a crop of image 000"):
        CropPack(pack).crop("0" * 64)
    (tmp_path / RECORD).write_text((pack / RECORD).read_text())
    with pytest.raises(DataError, match=f"expected crops in .*{CROPS}"):
        CropPack(tmp_path)
    with pytest.raises(DataError, match="screening train pack"):
        read_record(tmp_path / "absent")


def test_quality_is_the_highest_that_keeps_to_the_size() -> None:
    """Less room, less quality; too little room is refused."""
    random = np.random.default_rng(0)
    squares = random.integers(0, 256, (8, 64, 64)).astype(np.uint8)
    best = 8 * (len(webp(squares[0], 92)) + 400)
    assert choose_quality(squares, best) == 92
    assert choose_quality(squares, best * 2 // 3) < 92
    with pytest.raises(DataError, match="--most-megabytes"):
        choose_quality(squares, 100)


def test_runs_come_back_as_runs(
    brought: Path, pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """The whole run has its weights, near to those trained; the other one its scores alone."""
    found = take_runs(brought, pack, tmp_path / "runs", tiny_architectures)
    assert found == {"unseen-concatenated": True, "unseen-coronet-without-valencia": False}
    (fold,) = trained_folds(tmp_path / "runs" / "unseen-concatenated")
    trained = brought.parent / "work" / "unseen-concatenated" / "fold-1" / "weights.npz"
    with np.load(fold.weights) as ours, np.load(trained) as theirs:
        assert set(ours.files) == set(theirs.files)
        for name in ours.files:
            assert ours[name] == pytest.approx(theirs[name], abs=1e-2)
    assert len(read_history(fold.history)) == 2
    with pytest.raises(TrainingError, match="exists already"):
        take_runs(brought, pack, tmp_path / "runs", tiny_architectures)


def test_a_run_on_another_pack_is_refused(
    brought: Path, pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """Its crops were found by another network, or of other images."""
    other = tmp_path / "pack"
    shutil.copytree(pack, other)
    text = (other / RECORD).read_text().replace(read_record(pack).data_digest, "0" * 64)
    (other / RECORD).write_text(text)
    with pytest.raises(TrainingError, match="trained on another"):
        take_runs(brought, other, tmp_path / "runs", tiny_architectures)


def test_hospitals_left_out_are_told_from_answers_alone(
    brought: Path, pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """None of their images, and of nobody in their groups, was trained or chosen on."""
    take_runs(brought, pack, tmp_path, tiny_architectures)
    rows = by_image(read_manifest(pack / MANIFEST, check_files=False))
    folds = scored_folds(tmp_path / "unseen-coronet-without-valencia")
    assert folds[0].record.left_out == ("pakistan", "valencia")
    assert folds[0].record.terms["contrast"] == 0.1
    for used in read_split(folds[0].directory):
        if used.part is not Part.TEST:
            assert rows[used.pixels_sha256].hospital not in {"pakistan", "valencia"}
    found = evaluate_left_out([folds], rows, read_kept)
    assert [each.hospital for each in found.hospitals] == ["pakistan", "valencia"]
    assert sum(found.hospitals[0].images.values()) == 32
    (record, *_) = read_history(folds[0].history)
    assert record.left_out_area is not None


def test_answers_are_written_after_each_run(brought: Path) -> None:
    """What is brought back is few small files, without a lung-field network or checkpoints."""
    names = sorted(path.name for path in brought.iterdir())
    assert names == [RUNS, "unseen-concatenated-1-of-1.npz"]
    assert (brought / RUNS).stat().st_size < 100_000


def test_weights_that_do_not_fit_are_left_out(
    brought: Path,
    tmp_path: Path,
    tiny_architectures: dict[str, Architecture],
) -> None:
    """A ninth file is not written, and the message says how to get it."""
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text("")
    run = brought.parent / "work" / "unseen-concatenated"
    with pytest.raises(TrainingError, match="`collect` them in a call of their own"):
        write_weights(run, tmp_path, tiny_architectures)
    assert not list(tmp_path.glob("*.npz"))


def test_a_run_stops_before_the_time_is_up(
    pack: Path,
    tmp_path: Path,
    tiny_architectures: dict[str, Architecture],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With no time for a second epoch, the first one's weights and scores come back."""
    session = Session(
        pack=pack,
        work=tmp_path / "work",
        out=tmp_path / "out",
        minutes=60,
        precision=Precision.FLOAT32,
        workers=2,
        architectures=tiny_architectures,
        find=small_protocol,
    )
    first, second = "unseen-concatenated", "unseen-concatenated:name=second"
    line = JsonLines("x", ends_s=0.0)
    record = dict.fromkeys(EpochRecord.__dataclass_fields__, 1)
    with pytest.raises(TimeUpError):
        line.epoch(EpochRecord(**record))  # type: ignore[arg-type]  # numbers throughout
    monkeypatch.setattr(session_module, "SAVED_EVERY_S", -1.0)
    saved: list[str] = []
    with pytest.raises(TimeUpError):
        JsonLines("x", ends_s=0.0, save=lambda: saved.append("now")).epoch(
            EpochRecord(**record)  # type: ignore[arg-type]  # numbers throughout
        )
    assert saved == ["now"]
    monkeypatch.setattr(JsonLines, "epoch", _time_is_up)
    train_runs(session, [parse_run(first)])
    done = tmp_path / "work" / first / "fold-1"
    assert len(read_history(done / "history.jsonl")) == 1
    assert (done / "weights.npz").exists()
    assert (tmp_path / "out" / RUNS).exists()
    train_runs(replace(session, minutes=0), [parse_run(second)])
    assert not (tmp_path / "work" / "second").exists()


def _time_is_up(_self: JsonLines, _record: EpochRecord) -> None:
    raise TimeUpError


def test_weights_so_far_are_the_mean_unless_a_hospital_stops(
    brought: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """A cut-off brings back the mean of the epochs; a run with a hospital to stop by, its best."""
    run = tmp_path / "unseen-concatenated"
    shutil.copytree(brought.parent / "work" / "unseen-concatenated", run)
    weights = run / "fold-1" / "weights.npz"
    mean = read_arrays_of(weights)
    zeros = {name: np.zeros_like(array) for name, array in mean.items()}
    write_arrays(weights, zeros)
    assert finish_stopped(run)
    assert all(np.array_equal(read_arrays_of(weights)[name], mean[name]) for name in mean)
    (tmp_path / "out").mkdir()
    first = write_weights(run, tmp_path / "out", tiny_architectures)
    assert write_weights(run, tmp_path / "out", tiny_architectures) == first  # in their place
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace('"stopped_by": []', '"stopped_by": ["nih"]'))
    write_arrays(weights, zeros)
    assert finish_stopped(run)
    assert not read_arrays_of(weights)["conv/kernel"].any()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("unseen-coronet:leaf-out=a", "'leaf-out'"),
        ("unseen-coronet:epochs=many", "invalid literal"),
        ("unseen-coronet:term.contrast=-1", "weight of 0 or more"),
    ],
)
def test_a_word_that_is_not_understood_is_refused(word: str, message: str) -> None:
    """Before an expensive machine has spent minutes on something else."""
    with pytest.raises(TrainingError, match=message):
        parse_run(word)


def test_a_word_names_a_run() -> None:
    """All parts are understood; a run that leaves nothing out is kept."""
    selected = parse_run("p:leave-out=a+b:stop-by=c:epochs=3:seed=2:start=q:term.worst=0.5:name=x")
    assert selected.leave_out == ("a", "b")
    assert (selected.stop_by, selected.epochs, selected.seed, selected.start) == (("c",), 3, 2, "q")
    assert (selected.terms, selected.name, selected.keep) == ({"worst": 0.5}, "x", False)
    assert parse_run("p").keep
    assert parse_run("p:leave-out=a").name == "p-without-a"


def test_the_record_says_what_was_asked(
    brought: Path, pack: Path, tmp_path: Path, tiny_architectures: dict[str, Architecture]
) -> None:
    """Terms, lung-field network and manifest stand in the run, and count in its identity."""
    take_runs(brought, pack, tmp_path, tiny_architectures)
    record = read_run(tmp_path / "unseen-concatenated")
    packed = read_record(pack)
    assert (record.lung_field, record.data_digest) == (packed.lung_field, packed.data_digest)
    assert record.terms["findings"] == 0.3
    content = json.loads((tmp_path / "unseen-concatenated" / "run.json").read_text())
    assert content["stopped_by"] == []
