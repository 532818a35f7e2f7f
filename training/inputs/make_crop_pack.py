"""Makes a pack of crops: every image's lung field once, small, at one size."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.errors import RejectedInstanceError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.lung_field import crop
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.data.manifest import ImageRow, manifest_digest, write_manifest
from training.errors import DataError, TrainingError
from training.inputs.crop_pack import (
    CROPS,
    LUNG_FIELD,
    MANIFEST,
    RECORD,
    PackRecord,
    crop_name,
    is_pack,
)
from training.inputs.input_view import keep_lung_field, lung_field_sha256
from training.networks.lung_field import load_lung_field

QUALITIES = (92, 85, 75, 65, 55, 45, 35, 25)
"""Of WebP; the first that keeps to the size is taken."""
ENTRY_BYTES = 150
"""What the archive adds to each image, about."""
_SAMPLE = 200
_AT_ONCE = 64

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """What to pack.

    lung_field: run of the network that finds the crops. out: the pack's folder, which must not be
    there. side: of each crop, in pixels. most_bytes: of all crops together.
    """

    lung_field: Path
    out: Path
    side: int = 224
    most_bytes: int = 60_000_000
    workers: int = 2


def make_pack(rows: Sequence[ImageRow], request: PackRequest, progress: Progress) -> PackRecord:
    """Write the pack; rows of an image that is there twice are packed once.

    Squashed and whole images, wide and narrow ones, become squares of one size, as networks see
    them. Raises DataError where images cannot be read or the size cannot be kept, TrainingError
    where the folder is there.
    """
    if request.out.exists():
        raise TrainingError(f"{request.out} exists already; remove it, or name another --out")
    once = list({row.pixels_sha256: row for row in reversed(rows)}.values())[::-1]
    squares, whole = _squares(once, request, progress)
    quality = choose_quality(squares, request.most_bytes)
    request.out.mkdir(parents=True)
    with zipfile.ZipFile(request.out / CROPS, "w", zipfile.ZIP_STORED) as archive:
        for row, square in zip(once, squares, strict=True):
            # A fixed time: the same images give the same bytes.
            archive.writestr(zipfile.ZipInfo(crop_name(row.pixels_sha256)), webp(square, quality))
    write_manifest(request.out / MANIFEST, rows)
    keep_lung_field(request.lung_field, request.out)
    record = PackRecord(
        images=len(once),
        side=request.side,
        quality=quality,
        lung_field=lung_field_sha256(request.out / LUNG_FIELD),
        fingerprint=fingerprint(),
        data_digest=manifest_digest(rows),
        whole=whole,
    )
    text = json.dumps(asdict(record), indent=2) + "\n"
    (request.out / RECORD).write_text(text, encoding="utf-8")
    if not is_pack(request.out):
        raise TrainingError(f"cannot write {request.out}; make room")
    return record


def _squares(
    rows: Sequence[ImageRow], request: PackRequest, progress: Progress
) -> tuple[NDArray[np.uint8], int]:
    """Return (images, side, side) crops, and how many are of the whole image."""
    finder = load_lung_field(request.lung_field)
    squares = np.empty((len(rows), request.side, request.side), np.uint8)
    place = whole = 0
    for images in _images(rows, request.workers):
        for image, box in zip(images, finder.boxes(images), strict=True):
            whole += box is None
            squares[place] = square(image if box is None else crop(image, box), request.side)
            place += 1
        progress(len(images))
    return squares, whole


def _images(rows: Sequence[ImageRow], workers: int) -> Iterator[list[NDArray[np.uint8]]]:
    def read(row: ImageRow) -> NDArray[np.uint8]:
        try:
            return read_radiograph(row.path).pixels
        except (RejectedInstanceError, OSError) as error:
            raise DataError(
                f"expected a readable image at {row.path}, found {error}; replace it, or take "
                "it out of the manifest"
            ) from error

    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(rows), _AT_ONCE):
            yield list(pool.map(read, rows[start : start + _AT_ONCE]))


def square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a (rows, columns) image as (side, side), without keeping its aspect ratio."""
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def webp(image: NDArray[np.uint8], quality: int) -> bytes:
    """Return a grey image as WebP."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()


def choose_quality(squares: NDArray[np.uint8], most_bytes: int) -> int:
    """Return the highest of `QUALITIES` with which the crops keep to a size, by a sample.

    Raises DataError where none does.
    """
    step = max(1, len(squares) // _SAMPLE)
    sample = squares[::step]
    needed = 0.0
    for quality in QUALITIES:
        mean = np.mean([len(webp(each, quality)) for each in sample])
        needed = float(mean + ENTRY_BYTES) * len(squares) * 1.02
        if needed <= most_bytes:
            return quality
    raise DataError(
        f"expected crops of at most {most_bytes / 1e6:.0f} MB, found about {needed / 1e6:.0f} MB "
        "at the lowest quality; give more --most-megabytes, or a smaller --side"
    )
