"""Reads one radiograph, exactly as the stations render it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.imaging.picture_file import read_picture
from screening.imaging.render import render

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
"""Every other file is read as DICOM."""


def read_radiograph(path: Path) -> NDArray[np.uint8]:
    """Return one file's picture, (rows, columns) uint8, exactly as the stations render it.

    Raises RejectedInstanceError where it holds no usable picture, OSError where it cannot be
    opened.
    """
    read = read_picture if path.suffix.lower() in PICTURE_SUFFIXES else render
    return read(path).pixels
