"""Training sees exactly the images that the stations would show the network."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the pipeline is a Keras data set")

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.rendering.render import render
from training.augmentation.geometry import GeometricAugmentation
from training.errors import DataError
from training.inputs.batches import BatchOptions, Prefetched, RadiographBatches
from training.inputs.decoded_images import load_images

pytestmark = pytest.mark.tensorflow

SPEC = InputSpec(72, 64, (-1.0, 1.0))
FLIP = GeometricAugmentation(horizontal_flip=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return six images as PNG files, and the first of them as a DICOM object at the end."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for number in range(6):
        path = folder / f"{number}.png"
        Image.fromarray(phantom_image(number, 96, 80)).save(path)
        paths.append(path)
    return [*paths, dicom_of(phantom_image(0, 96, 80), folder / "0.dcm")]


def dicom_of(pixels: NDArray[np.uint8], path: Path) -> Path:
    """Write a CR object of these pixels."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "2.25.11"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    made.save_as(path, enforce_file_format=True)
    return path


def targets(count: int) -> NDArray[np.float32]:
    """Return scores that tell images apart."""
    return np.arange(count, dtype=np.float32)[:, np.newaxis]


def test_the_array_is_the_same_everywhere(files: list[Path]) -> None:
    """Eagerly from the DICOM object, in the pipeline from it, and in the pipeline from a PNG."""
    eager = preprocess(render(files[-1]).pixels, SPEC)
    images = load_images(files, SPEC, exact=True)
    batches = RadiographBatches(images, targets(7), SPEC, BatchOptions(batch_size=4))
    images = np.concatenate([batch.images for batch in Prefetched(batches)])
    assert images.dtype == np.float32
    assert images.shape == (7, 72, 64, 3)
    assert np.array_equal(images[0], eager)
    assert np.array_equal(images[-1], eager)


def test_augmented_pictures_differ_by_half_a_grey_level_at_most(files: list[Path]) -> None:
    """With an augmentation that changes nothing, rounding to whole grey levels is all there is."""
    exact = load_images(files, SPEC, exact=True)
    levels = load_images(files, SPEC, exact=False)
    assert levels.dtype == np.uint8
    still = GeometricAugmentation()
    batches = RadiographBatches(levels, targets(7), SPEC, BatchOptions(batch_size=7, augment=still))
    difference = np.abs(batches.batch(0).images[..., 0] - exact)
    assert difference.max() <= 0.5 * 2 / 255 + 1e-6


def orders(batches: RadiographBatches, epochs: int) -> list[list[float]]:
    """Return the order of the images in each epoch."""
    found = []
    for epoch in range(epochs):
        batches.begin_epoch(epoch)
        found.append([float(t) for batch in Prefetched(batches) for t in batch.targets[:, 0]])
    return found


def test_every_epoch_has_its_own_order_and_the_seed_decides_it(files: list[Path]) -> None:
    """All images once an epoch, in another order each time, the same for the same seed."""
    images = load_images(files, SPEC, exact=True)

    def shuffled(seed: int) -> list[list[float]]:
        made = RadiographBatches(
            images, targets(7), SPEC, BatchOptions(batch_size=2, shuffle=True, seed=seed)
        )
        return orders(made, 3)

    first = shuffled(0)
    assert all(sorted(order) == list(range(7)) for order in first)
    assert first[0] != first[1]
    assert shuffled(0) == first
    assert shuffled(1) != first


def test_random_changes_follow_the_key_of_a_picture(files: list[Path]) -> None:
    """An image is changed alike wherever it stands, and otherwise in the next epoch."""
    images = load_images(files, SPEC, exact=False)
    keys = range(10, 17)
    whole = RadiographBatches(
        images, targets(7), SPEC, BatchOptions(batch_size=7, keys=keys, augment=FLIP, seed=3)
    )
    part = RadiographBatches(
        images[4:],
        targets(3),
        SPEC,
        BatchOptions(batch_size=3, keys=keys[4:], augment=FLIP, seed=3),
    )
    changed = []
    for epoch in range(6):
        whole.begin_epoch(epoch)
        part.begin_epoch(epoch)
        assert np.array_equal(whole.batch(0).images[4:], part.batch(0).images)
        changed.append(whole.batch(0).images[4].tobytes())
    assert len(set(changed)) == 2


def test_threads_do_not_change_what_comes_out(files: list[Path]) -> None:
    """One thread or four, ahead or not: the same batches in the same order, and no slower wait."""
    images = load_images(files, SPEC, exact=False)
    batches = RadiographBatches(
        images, targets(7), SPEC, BatchOptions(batch_size=2, augment=FLIP, shuffle=True, seed=1)
    )
    one = list(Prefetched(batches, workers=1, ahead=1))
    prefetched = Prefetched(batches, workers=4, ahead=8)
    four = list(prefetched)
    assert all(
        np.array_equal(a.images, b.images) and np.array_equal(a.targets, b.targets)
        for a, b in zip(one, four, strict=True)
    )
    assert prefetched.wait_s > 0
    assert len(batches) == 4


def test_unreadable_pictures_are_named_before_anything_else(
    files: list[Path], tmp_path: Path
) -> None:
    """All damaged files are listed with what is wrong with each."""
    (tmp_path / "cut.png").write_bytes(files[0].read_bytes()[:200])
    (tmp_path / "text.dcm").write_text("no data set")
    broken = [tmp_path / "cut.png", tmp_path / "text.dcm", tmp_path / "absent.png"]
    with pytest.raises(DataError, match="found 3 that are not") as raised:
        load_images([*files, *broken], SPEC, exact=True)
    assert all(str(path) in str(raised.value) for path in broken)


def test_a_cache_is_used_until_a_file_changes(files: list[Path], tmp_path: Path) -> None:
    """Decoded images come from the cache; another size or another file content does not."""
    image = tmp_path / "image.png"
    image.write_bytes(files[1].read_bytes())
    decoded: list[int] = []

    def load(spec: InputSpec = SPEC) -> NDArray[np.float32] | NDArray[np.uint8]:
        decoded.clear()
        return load_images(
            [image], spec, exact=True, cache_dir=tmp_path / "cache", on_decoded=decoded.append
        )

    first = load()
    assert decoded
    assert np.array_equal(load(), first)
    assert not decoded
    load(InputSpec(64, 64))
    assert decoded
    image.write_bytes(files[2].read_bytes())
    assert not np.array_equal(load(), first)


def test_a_cache_that_was_not_finished_is_none(files: list[Path], tmp_path: Path) -> None:
    """Where decoding fails half way, nothing is left that a later run would take."""
    with pytest.raises(DataError):
        load_images(
            [files[0], tmp_path / "absent.dcm"], SPEC, exact=True, cache_dir=tmp_path / "cache"
        )
    assert list((tmp_path / "cache").iterdir()) == []
