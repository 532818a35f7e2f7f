"""Decodes the images of a run once, as the stations do, and keeps them at network size."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.errors import RejectedInstanceError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.preprocess import InputSpec
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.whole_files import whole_path
from training.errors import DataError
from training.inputs.grey_levels import exact_values, whole_grey_levels
from training.inputs.input_view import LungFieldRegion

_ERRORS_SHOWN = 10


def load_images(
    paths: Sequence[Path],
    spec: InputSpec,
    *,
    exact: bool,
    seen: LungFieldRegion | None = None,
    workers: int = 2,
    cache_dir: Path | None = None,
    on_decoded: Callable[[int], None] | None = None,
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Decode files in parallel; return (len(paths), spec.height, spec.width).

    exact: float32 in spec.value_range, as `preprocess` gives them; otherwise whole grey levels,
    uint8, a quarter of the size, which is what augmentation takes. seen: the part of the image
    that the network sees, None: the whole. cache_dir: kept there between
    runs, and mapped instead of held in memory; files are known again by path, size and time of
    change. on_decoded: called with the number of images just decoded.
    Raises DataError naming the files, before anything is trained, where some cannot be read.
    """
    values = exact_values if exact else whole_grey_levels

    def prepare(image: NDArray[np.uint8]) -> NDArray[Any]:
        return values(seen.of(image) if seen else image, spec)

    shape = (len(paths), spec.height, spec.width)
    dtype = np.dtype(np.float32 if exact else np.uint8)
    if cache_dir is None:
        images: NDArray[Any] = np.empty(shape, dtype)
        _decode_into(images, paths, prepare, workers=workers, on_decoded=on_decoded)
        return images
    cached = cache_dir / f"images-{_key(paths, spec, seen, exact=exact)}.npy"
    if not cached.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with whole_path(cached) as unfinished:
            images = np.lib.format.open_memmap(unfinished, mode="w+", dtype=dtype, shape=shape)
            _decode_into(images, paths, prepare, workers=workers, on_decoded=on_decoded)
            images.flush()
    mapped: NDArray[Any] = np.load(cached, mmap_mode="r", allow_pickle=False)
    return mapped


def _decode_into(
    images: NDArray[Any],
    paths: Sequence[Path],
    prepare: Callable[[NDArray[np.uint8]], NDArray[Any]],
    *,
    workers: int,
    on_decoded: Callable[[int], None] | None,
) -> None:
    def decode(index: int) -> str | None:
        try:
            images[index] = prepare(read_radiograph(paths[index]).pixels)
        except (RejectedInstanceError, OSError) as error:
            return f"{paths[index]}: {error}"
        return None

    faults = []
    with ThreadPoolExecutor(workers) as pool:
        for fault in pool.map(decode, range(len(paths))):
            faults += [fault] if fault else []
            if on_decoded:
                on_decoded(1)
    if faults:
        raise DataError(
            f"expected {len(paths)} readable images, found {len(faults)} that are not; take them "
            "out of the manifest or replace them:\n" + "\n".join(faults[:_ERRORS_SHOWN])
        )


def _key(
    paths: Sequence[Path], spec: InputSpec, seen: LungFieldRegion | None, *, exact: bool
) -> str:
    part = seen.name if seen else ""
    digest = hashlib.sha256(f"{fingerprint()} {spec} {part} {exact}".encode())
    for path in paths:
        with contextlib.suppress(OSError):  # decoding will say which files are absent
            status = path.stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
