"""Reading .npz files of plain arrays: the one form of weights that is read without running code."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError

MOST_EXPANSION = 10
"""Times its file that a compressed array may be; weights in few bits come near 2."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return a file's arrays by name.

    Raises BundleError for anything else: objects, which would run code, and a few kilobytes that
    would fill the memory.
    """
    try:
        # NumPy leaves a file open that it opened itself and could not read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if any(_is_bomb(member) for member in file.zip.infolist()):
                raise ValueError("it would expand too far")
            return {name: file[name] for name in file.files}
    except (
        *(OSError, EOFError, MemoryError, TypeError, ValueError, AttributeError),
        *(zipfile.BadZipFile, NotImplementedError),
    ) as error:
        raise BundleError(
            f"{path}: expected a .npz file of plain arrays, found something else "
            f"({type(error).__name__}); get the bundle from its source again"
        ) from error


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > MOST_EXPANSION * max(member.compress_size, 1_000)
