"""What the lung field is trained on and measured against."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from screening.imaging.network_input.lung_field import Box, LungFieldSpec
from tests.training.image_rows import write_table
from tests.training.lung_images import lungs_of, picture_of, write_lung_data
from training.augmentation.geometry import image_random
from training.errors import DataError
from training.lung_field import augment
from training.lung_field.augment import training_pair
from training.lung_field.measure import agreement, coverage, dice, overlap, read_drawn_boxes
from training.lung_field.pairs import (
    data_digest,
    find_masked_images,
    held_out_groups,
    read_masks,
)

SPEC = LungFieldSpec(height=64, width=48)


def test_masks_find_their_pictures_and_groups(tmp_path: Path) -> None:
    """By stem, in any subfolder; the manifest's groups, or each image its own without one."""
    images, masks = write_lung_data(tmp_path, 4)
    found = find_masked_images(images, masks)
    assert [pair.image.name for pair in found] == ["p0.png", "p1.png", "p2.png", "p3.png"]
    assert [pair.split_group for pair in found] == ["g0", "g0", "g1", "g1"]
    (images / "manifest.csv").unlink()
    assert [pair.split_group for pair in find_masked_images(images, masks)] == [
        "p0",
        "p1",
        "p2",
        "p3",
    ]


def test_of_pictures_with_one_stem_the_size_tells(tmp_path: Path) -> None:
    """The same publication's figure in two sets, at two sizes, is not taken for the other."""
    images, masks = write_lung_data(tmp_path, 2)
    other = images / "other" / "p0.png"
    other.parent.mkdir()
    Image.fromarray(picture_of(lungs_of(0, 90, 90), 0)).save(other)
    assert find_masked_images(images, masks)[0].image == images / "site" / "p0.png"
    Image.fromarray(picture_of(lungs_of(0), 0)).save(other)
    with pytest.raises(DataError, match="found 2, 2 of them of its size"):
        find_masked_images(images, masks)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A folder, masks, an image, a column: the message says which and what to do."""
    images, masks = write_lung_data(tmp_path, 2)
    with pytest.raises(DataError, match=r"expected a folder at .*absent"):
        find_masked_images(images, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"expected masks of lungs \(\.png\) .* correct --masks"):
        find_masked_images(images, tmp_path / "empty")
    write_table(images / "manifest.csv", [{"file": "a.png"}])
    with pytest.raises(DataError, match=r"expected the columns file .* and split_group"):
        find_masked_images(images, masks)
    (images / "manifest.csv").unlink()
    (images / "site" / "p1.png").unlink()
    with pytest.raises(DataError, match=r"expected one image named p1 .* found 0"):
        find_masked_images(images, masks)


def test_masks_are_read_at_the_networks_size(tmp_path: Path) -> None:
    """255 where there is lung, whether a mask's lungs are 1 or 255."""
    images, masks = write_lung_data(tmp_path, 1)
    pairs = find_masked_images(images, masks)
    read = read_masks(pairs, SPEC)
    assert read.shape == (1, 64, 48)
    assert (read.min(), read.max()) == (0, 255)
    Image.fromarray(lungs_of(0).astype(np.uint8)).save(masks / "p0.png")
    assert np.array_equal(read_masks(pairs, SPEC), read)


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    """It belongs to another image, or to another cut of this one."""
    images, masks = write_lung_data(tmp_path, 1)
    pairs = find_masked_images(images, masks)
    Image.fromarray(lungs_of(0, 80, 96)).save(masks / "p0.png")
    with pytest.raises(DataError, match=r"as wide to high as its image \(0\.833\), found 1\.2"):
        read_masks(pairs, SPEC)
    (masks / "p0.png").write_text("no image")
    with pytest.raises(DataError, match=r"expected a mask of lungs in .*p0\.png"):
        read_masks(pairs, SPEC)


def test_groups_are_held_out_by_seed() -> None:
    """The same for the same seed, whatever the order; at least one, and never all."""
    names = [f"g{n}" for n in range(12)]
    assert held_out_groups(names, 1, 0.25) == held_out_groups(names[::-1] * 2, 1, 0.25)
    assert len(held_out_groups(names, 1, 0.25)) == 3
    assert held_out_groups(names, 1, 0.25) != held_out_groups(names, 2, 0.25)
    assert len(held_out_groups(names[:2], 1, 0.01)) == 1
    with pytest.raises(DataError, match="several split groups, found 1"):
        held_out_groups(["g"] * 9, 1, 0.25)


def test_the_digest_knows_content_and_groups(tmp_path: Path) -> None:
    """It is the same in another folder, and another where a mask or a group is."""
    here = find_masked_images(*write_lung_data(tmp_path / "a", 4))
    there = find_masked_images(*write_lung_data(tmp_path / "b", 4))
    assert data_digest(here) == data_digest(there[::-1])
    Image.fromarray(lungs_of(9)).save(there[0].mask)
    assert data_digest(here) != data_digest(there)


def test_changes_go_with_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """After any change the mask still says where the lungs are: dark in these images."""
    monkeypatch.setattr(augment, "SHARE_WITHOUT_LUNGS", 0.0)
    lungs = lungs_of(0)
    image, mask = picture_of(lungs, 0), np.where(lungs, np.uint8(255), np.uint8(0))
    fitting = 0
    for key in range(40):
        changed, moved = training_pair(image, mask, image_random(1, 0, key))
        assert (changed.dtype, changed.shape) == (np.uint8, image.shape)
        inside = moved > 127
        ring = (moved < 10) & (np.abs(changed.astype(int) - np.median(changed[inside])) > 0)
        fitting += changed[inside].mean() < changed[ring].mean()
    assert fitting > 30, "outside may be black, and patches bright"
    again = training_pair(image, mask, image_random(1, 0, 3))
    once = training_pair(image, mask, image_random(1, 0, 3))
    assert all(np.array_equal(one, other) for one, other in zip(again, once, strict=True))


def test_some_pictures_show_no_lungs() -> None:
    """One in five has an empty mask, and is no upright chest any more."""
    lungs = lungs_of(0)
    image, mask = picture_of(lungs, 0), np.where(lungs, np.uint8(255), np.uint8(0))
    empty = [not training_pair(image, mask, image_random(1, 0, key))[1].any() for key in range(400)]
    assert 0.13 < np.mean(empty) < 0.27
    for change in augment._WITHOUT_LUNGS:
        changed = change(image, np.random.default_rng(0))
        assert (changed.dtype, changed.shape) == (np.uint8, image.shape)
        assert not np.array_equal(changed, image)


def test_dice_and_overlap() -> None:
    """1 where both are the same, 0 where they are apart, and known values between."""
    here, half = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    here[:2], half[:1] = True, True
    assert (dice(here, here), dice(here, ~here), dice(here & ~here, here & ~here)) == (1, 0, 1)
    assert dice(half, here) == pytest.approx(2 / 3)
    whole, right = Box(0, 0, 1, 1), Box(0.5, 0, 1, 1)
    assert overlap(whole, whole) == 1
    assert overlap(Box(0, 0, 0.5, 1), right) == 0
    assert overlap(whole, right) == pytest.approx(0.5)
    assert (coverage(whole, right), coverage(right, whole)) == pytest.approx((1, 0.5))


def test_agreement_of_figures() -> None:
    """Mean, median, the worst twentieth and the worst; none of nothing."""
    found = agreement([0.0, *[1.0] * 19])
    assert found is not None
    assert (found.images, found.mean, found.median, found.least) == (20, 0.95, 1.0, 0.0)
    assert agreement([]) is None


def test_drawn_boxes_hold_both_lungs(tmp_path: Path) -> None:
    """The box around all that was drawn in an image, as fractions; errors name the table."""
    images, masks = write_lung_data(tmp_path, 1)
    table = masks / "boxes.csv"
    lungs = [{"x": 8, "y": 24}, {"x": 48, "y": 0}]
    write_table(
        table, [{"file": "site/p0.png", **lung, "width": 16, "height": 48} for lung in lungs]
    )
    assert read_drawn_boxes(table, images) == {images / "site/p0.png": Box(0.1, 0.0, 0.8, 0.75)}
    table.write_text("file,x\nsite/p0.png,1\n")
    with pytest.raises(DataError, match="expected boxes with file, x, y"):
        read_drawn_boxes(table, images)
