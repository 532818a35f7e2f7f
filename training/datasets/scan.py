"""Scans folders of public data sets into the rows of a data manifest."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.hospitals import adult_of, hospital_of
from training.data.manifest import CLASS_OF_LABEL, ImageRow
from training.datasets.listing import ListedImage, Reason, SetAside
from training.datasets.pixels import OpenedImage, open_image
from training.datasets.registry import data_set_at
from training.datasets.split_groups import near_duplicates, split_groups
from training.errors import DataError

THREADS = 4
PER_THREAD = 16
PATIENT_CHARACTERS = 16
"""Of the file's digest, which stands for a patient whom the data set does not tell."""
Progress = Callable[[int, int], None]
"""Called with the images opened so far and all of them."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An image that is the same as an earlier one.

    distance_bits: None where all grey values are the same, else the distance of the perceptual
    hashes, of 256. dropped: it is not in the manifest.
    """

    path: Path
    source: str
    same_as: Path
    distance_bits: int | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found: rows for the manifest, images set aside, and duplicates."""

    rows: tuple[ImageRow, ...]
    set_aside: tuple[SetAside, ...]
    duplicates: tuple[Duplicate, ...]


def scan(
    roots: Sequence[Path],
    *,
    near_duplicate_bits: int | None = None,
    drop_duplicates: bool = False,
    progress: Progress | None = None,
) -> Scan:
    """Read every image of the folders' data sets, and group what belongs together.

    near_duplicate_bits: also put images in one group whose perceptual hashes differ in at most
    so many of 256 bits. drop_duplicates: keep the first of identical images only. Identical
    images whose labels belong to different classes are all set aside. Raises DataError where a
    folder or table is not as expected, or nothing usable is left.
    """
    listings = [data_set_at(root).list_images(root) for root in roots]
    listed, twice = _once_each([image for listing in listings for image in listing.images])
    set_aside = [each for listing in listings for each in listing.set_aside] + twice
    opened: list[OpenedImage] = []
    for done, image in enumerate(_opened(listed), start=1):
        if isinstance(image, OpenedImage):
            opened.append(image)
        else:
            set_aside.append(image)
        if progress:
            progress(done, len(listed))
    opened, conflicting = _without_conflicts(opened)
    set_aside += conflicting
    if not opened:
        raise DataError(_nothing_usable(roots, set_aside))
    near = near_duplicates(_hashes(opened), near_duplicate_bits) if near_duplicate_bits else []
    return _grouped(opened, set_aside, near, drop_duplicates=drop_duplicates)


def _once_each(images: Sequence[ListedImage]) -> tuple[list[ListedImage], list[SetAside]]:
    """Take out files that are listed again; where the class differs, the file altogether."""
    by_path: dict[Path, list[ListedImage]] = defaultdict(list)
    for image in images:
        by_path[image.path.resolve()].append(image)
    kept, set_aside = [], []
    for path, same in by_path.items():
        if len({CLASS_OF_LABEL[image.label] for image in same}) > 1:
            detail = " and ".join(image.label for image in same)
            set_aside.append(SetAside(path, same[0].source, Reason.LABEL_CONFLICT, detail))
            continue
        kept.append(same[0])
        set_aside.extend(
            SetAside(path, image.source, Reason.DUPLICATE, "the same file is listed twice")
            for image in same[1:]
        )
    return kept, set_aside


def _opened(listed: Sequence[ListedImage]) -> Iterator[OpenedImage | SetAside]:
    """Open images in order, a few at a time: decoders release Python's lock."""
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(listed), THREADS * PER_THREAD):
            yield from pool.map(open_image, listed[start : start + THREADS * PER_THREAD])


def _without_conflicts(
    opened: Sequence[OpenedImage],
) -> tuple[list[OpenedImage], list[SetAside]]:
    """Set aside all copies of an image that is listed in several classes."""
    copies: dict[str, list[OpenedImage]] = defaultdict(list)
    for image in opened:
        copies[image.pixels_sha256].append(image)
    conflicting = {
        digest: same
        for digest, same in copies.items()
        if len({CLASS_OF_LABEL[image.listed.label] for image in same}) > 1
    }
    set_aside = [
        SetAside(
            image.listed.path,
            image.listed.source,
            Reason.LABEL_CONFLICT,
            f"{image.listed.label} here, the same image as "
            + ", ".join(
                f"{other.listed.label} in {other.listed.path}"
                for other in same
                if other is not image
            ),
        )
        for same in conflicting.values()
        for image in same
    ]
    return [image for image in opened if image.pixels_sha256 not in conflicting], set_aside


def _nothing_usable(roots: Sequence[Path], set_aside: Sequence[SetAside]) -> str:
    first = set_aside[0] if set_aside else None
    found = f"; the first set aside is {first.path} ({first.reason})" if first else ""
    return (
        f"expected chest radiographs in {', '.join(map(str, roots))}, found none that can be used"
        f"{found}; check that the images were unpacked"
    )


def _hashes(opened: Sequence[OpenedImage]) -> NDArray[np.uint64]:
    return np.array([image.difference_hash for image in opened], dtype=np.uint64)


def _grouped(
    opened: Sequence[OpenedImage],
    set_aside: Sequence[SetAside],
    near: Sequence[tuple[int, int, int]],
    *,
    drop_duplicates: bool,
) -> Scan:
    groups = split_groups(opened, [(one, other) for one, other, _ in near])
    first: dict[str, OpenedImage] = {}
    rows, duplicates = [], []
    for image, group in zip(opened, groups, strict=True):
        original = first.setdefault(image.pixels_sha256, image)
        if original is not image:
            duplicates.append(_duplicate(image, original, dropped=drop_duplicates))
        if original is image or not drop_duplicates:
            rows.append(_row(image, group, is_duplicate=original is not image))
    duplicates += [
        _duplicate(opened[later], opened[earlier], distance)
        for earlier, later, distance in near
        if opened[earlier].pixels_sha256 != opened[later].pixels_sha256
    ]
    return Scan(tuple(rows), tuple(set_aside), tuple(duplicates))


def _duplicate(
    image: OpenedImage, original: OpenedImage, distance: int | None = None, *, dropped: bool = False
) -> Duplicate:
    listed = image.listed
    return Duplicate(listed.path, listed.source, original.listed.path, distance, dropped)


def _row(image: OpenedImage, group: str, *, is_duplicate: bool) -> ImageRow:
    listed = image.listed
    return ImageRow(
        path=listed.path.resolve(),
        source=listed.source,
        label=listed.label,
        view=image.view,
        patient_id=listed.patient_id or f"{listed.source}:{image.sha256[:PATIENT_CHARACTERS]}",
        split_group=group,
        sha256=image.sha256,
        pixels_sha256=image.pixels_sha256,
        width=image.width,
        height=image.height,
        age_years=image.age_years,
        offset_days=listed.offset_days,
        published_split=listed.published_split,
        duplicate_of=image.pixels_sha256 if is_duplicate else "",
        licence=listed.licence,
        note=listed.note,
        hospital=hospital_of(listed.source, listed.hospital),
        adult=adult_of(listed.source) if listed.adult is None else listed.adult,
    )
