"""Row 6: from a file to a network's input, and one radiograph prepared for all members.

The peer is what pydicom's documentation shows: `pixel_array`, `apply_voi_lut`, and Pillow's
bilinear resizing of its 8-bit image.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels import apply_voi_lut

from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.imaging.rendering.render import render
from tests.benchmarks.parts.encodings import write_encoded
from tests.benchmarks.parts.ensembles import loaded_ensemble
from tests.benchmarks.run import Run

OURS, PEER = "screening", "pydicom + apply_voi_lut + Pillow"
SPEC = InputSpec(300, 300)
FULL_SIZES = ((2048, 2048), (4280, 3520))
SHORT_SIZES = ((256, 256),)
LEVELS_APART = 1.0
"""Grey levels of 255 that both may differ by, on the average: one rounds before resizing."""


def measure(run: Run) -> None:
    """Decode and resize each encoding in both ways, then prepare one for the ensemble."""
    rounds = run.size("rounds", full=5, short=1)
    for rows, columns in SHORT_SIZES if run.is_short else FULL_SIZES:
        files = write_encoded(run.room(f"{rows} x {columns}"), rows, columns)
        for name, path in files.items():
            ours, theirs = _ours(path), _peers(path)
            apart = float(np.abs(ours[..., 0] - theirs).mean()) * 255
            run.expect("both ways give the same image, to a grey level", True, apart < LEVELS_APART)
            run.compare(
                f"{name}, {rows} x {columns}",
                "images/s",
                {OURS: partial(_rate, _ours, path), PEER: partial(_rate, _peers, path)},
                rounds,
            )
            _timed_steps(run, name, path) if rows == FULL_SIZES[0][0] else None
    _prepare(run, files["Explicit VR Little Endian"], run.size("prepared", full=20, short=2))


def _timed_steps(run: Run, name: str, path: Path) -> None:
    started = time.perf_counter()
    rendered = render(path)
    middle = time.perf_counter()
    preprocess(rendered.pixels, SPEC)
    ended = time.perf_counter()
    lines = run.tables.setdefault("Where the time goes", [["encoding", "render ms", "resize ms"]])
    lines.append([name, f"{1000 * (middle - started):.1f}", f"{1000 * (ended - middle):.1f}"])


def _prepare(run: Run, path: Path, times: int) -> None:
    ensemble = loaded_ensemble(run)
    pixels = render(path).pixels
    first = ensemble.prepare(pixels)
    taken_ms = []
    for _ in range(times):
        started = time.perf_counter()
        again = ensemble.prepare(pixels)
        taken_ms.append(1000 * (time.perf_counter() - started))
    same = [bool(np.array_equal(*both)) for both in zip(first.arrays, again.arrays, strict=True)]
    run.expect("an image is prepared alike each time", [True] * len(same), same)
    rows, columns = pixels.shape
    run.add("one image prepared for all members", "ms", taken_ms)
    run.notes.append(f"Prepared is an image of {rows} x {columns} pixels.")


def _rate(work: Callable[[Path], Any], path: Path) -> float:
    started = time.perf_counter()
    work(path)
    return 1 / (time.perf_counter() - started)


def _ours(path: Path) -> NDArray[np.float32]:
    return preprocess(render(path).pixels, SPEC)


def _peers(path: Path) -> NDArray[np.float32]:
    data_set = pydicom.dcmread(path)
    windowed = apply_voi_lut(data_set.pixel_array, data_set)
    top = (1 << data_set.BitsStored) - 1  # of what `apply_voi_lut` makes of a window
    grey = (windowed * (255.0 / top)).astype(np.uint8)
    resized = Image.fromarray(grey).resize((SPEC.width, SPEC.height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32) / 255
