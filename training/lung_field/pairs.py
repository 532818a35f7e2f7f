"""Finds images with masks of their lungs, and reads them at the network's size."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.imaging.network_input.lung_field import LungFieldSpec
from screening.imaging.rendering.picture_file import PICTURE_SUFFIXES
from screening.whole_files import file_sha256
from training.data.seeded_order import draw
from training.errors import DataError

MANIFEST = "manifest.csv"
LARGEST_ASPECT_DIFFERENCE = 0.02
"""Of width to height, between a mask and its image."""


@dataclass(frozen=True, slots=True)
class MaskedImage:
    """An image, the mask of its lungs, and the group that is split as one."""

    image: Path
    mask: Path
    split_group: str


def find_masked_images(images: Path, masks: Path) -> tuple[MaskedImage, ...]:
    """Pair every mask with the image of the same stem, in the order of the stems.

    images: a folder of PNG and JPEG files, in subfolders too; its manifest.csv, where there is one,
    says in `split_group` which files must not be separated (`file` or `path` names them, relative
    to it). masks: a folder of PNG files, not 0 where there is lung; where several images have a
    mask's stem, its image is the one of its size.
    Raises DataError, naming the folder or file, where there is no mask, or a mask has not exactly
    one image.
    """
    found = sorted(path for path in _files(masks) if path.suffix.lower() == ".png")
    if not found:
        raise DataError(f"expected masks of lungs (.png) in {masks}, found none; correct --masks")
    radiographs: dict[str, list[Path]] = {}
    for path in _files(images):
        if path.suffix.lower() in PICTURE_SUFFIXES:
            radiographs.setdefault(path.stem, []).append(path)
    groups = split_groups(images)
    paired = []
    for mask in found:
        image = _image_of(mask, radiographs.get(mask.stem, []), images)
        group = groups.get(image.relative_to(images).as_posix(), mask.stem)
        paired.append(MaskedImage(image, mask, group))
    return tuple(paired)


def _image_of(mask: Path, named: Sequence[Path], images: Path) -> Path:
    alike = named if len(named) == 1 else [path for path in named if _size(path) == _size(mask)]
    if len(alike) == 1:
        return alike[0]
    raise DataError(
        f"expected one image named {mask.stem} in {images} for the mask {mask}, found "
        f"{len(named)}, {len(alike)} of them of its size; correct --images, or take the mask away"
    )


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise DataError(f"expected an image in {path}, cannot read it ({error})") from error


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"expected a folder at {folder}, found none; correct the option")
    return [path for path in folder.rglob("*") if path.is_file()]


def split_groups(images: Path) -> dict[str, str]:
    """Return the split group of each file that `images`/manifest.csv names; empty without one.

    Raises DataError where it has no such columns.
    """
    path = images / MANIFEST
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        named = next((name for name in ("file", "path") if name in columns), None)
        if named is None or "split_group" not in columns:
            raise DataError(
                f"expected the columns file (or path) and split_group in {path}, found "
                f"{', '.join(columns)}; correct it, or take it away"
            )
        return {row[named]: row["split_group"] for row in reader}


def held_out_groups(groups: Sequence[str], seed: int, share: float) -> frozenset[str]:
    """Return that share of the groups, at least one, the same for the same seed.

    Raises DataError where nothing would be left.
    """
    names = sorted(set(groups), key=lambda name: draw(seed, name))
    count = max(1, round(share * len(names)))
    if count >= len(names):
        raise DataError(f"expected images of several split groups, found {len(names)}; add masks")
    return frozenset(names[:count])


def read_masks(pairs: Sequence[MaskedImage], spec: LungFieldSpec) -> NDArray[np.uint8]:
    """Return (pairs, spec.height, spec.width) masks, 255 where there is lung, less at its edge.

    Raises DataError naming the first mask that cannot be read, or is not of its image's shape.
    """
    masks = np.empty((len(pairs), spec.height, spec.width), np.uint8)
    for place, pair in enumerate(pairs):
        masks[place] = _read_mask(pair, spec)
    return masks


def _read_mask(pair: MaskedImage, spec: LungFieldSpec) -> NDArray[np.uint8]:
    try:
        with Image.open(pair.mask) as mask, Image.open(pair.image) as image:
            shapes = [mask.width / mask.height, image.width / image.height]
            lungs = np.asarray(mask.convert("L")) > 0
    except OSError as error:
        raise DataError(
            f"expected a mask of lungs in {pair.mask}, cannot read it ({error}); take it away"
        ) from error
    if abs(shapes[0] - shapes[1]) > LARGEST_ASPECT_DIFFERENCE * shapes[1]:
        raise DataError(
            f"expected the mask {pair.mask} to be as wide to high as its image "
            f"({shapes[1]:.3f}), found {shapes[0]:.3f}; take it away"
        )
    white = Image.fromarray(np.where(lungs, np.uint8(255), np.uint8(0)))
    return np.asarray(white.resize((spec.width, spec.height), Image.Resampling.BILINEAR))


def data_digest(pairs: Sequence[MaskedImage]) -> str:
    """Return the SHA-256 of names, bytes and groups, wherever the files lie."""
    lines = [
        f"{pair.mask.stem} {file_sha256(pair.image)} {file_sha256(pair.mask)} {pair.split_group}"
        for pair in pairs
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
