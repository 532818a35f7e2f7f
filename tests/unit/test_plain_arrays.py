"""Reading weights runs no code and does not fill the memory."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from screening.errors import BundleError
from screening.plain_arrays import read_arrays


def test_compressed_arrays_come_back(tmp_path: Path) -> None:
    """Weights in few bits are compressed, and not by much."""
    codes = np.random.default_rng(1).integers(-128, 127, (30, 40), np.int8)
    np.savez_compressed(tmp_path / "member.npz", codes=codes)
    np.testing.assert_array_equal(read_arrays(tmp_path / "member.npz")["codes"], codes)


class RunsWhenRead:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what unpickling calls."""
        return os.mkdir, (str(self.folder),)


def test_code_inside_a_file_does_not_run(tmp_path: Path) -> None:
    """An array that would run code when it is unpickled is refused, and the code is not run."""
    path, made = tmp_path / "member.npz", tmp_path / "made"
    np.savez(path, probabilities=np.array([RunsWhenRead(made)], dtype=object))
    with pytest.raises(BundleError, match=r"expected a \.npz file of plain arrays"):
        read_arrays(path)
    assert not made.exists()
    with np.load(path, allow_pickle=True) as trusting:
        assert trusting["probabilities"].shape == (1,)
    assert made.exists()


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """Compressed arrays, which may be a thousand times their file, and heads that promise more."""
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, probabilities=np.zeros(10_000_000, np.float32))
    assert bomb.stat().st_size < 100_000
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (1 << 60,)}
    )
    promise = tmp_path / "promise.npz"
    with zipfile.ZipFile(promise, "w") as archive:
        archive.writestr("probabilities.npy", head.getvalue())
    for path in (bomb, promise):
        with pytest.raises(BundleError, match=r"expected a \.npz file of plain arrays"):
            read_arrays(path)
