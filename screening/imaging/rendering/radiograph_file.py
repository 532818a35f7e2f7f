"""Reads a radiograph from a file of any kind, as the stations render it."""

from pathlib import Path

from screening.imaging.rendering.picture_file import PICTURE_SUFFIXES, read_picture
from screening.imaging.rendering.render import render
from screening.imaging.rendering.render_path import RenderedImage


def read_radiograph(path: Path) -> RenderedImage:
    """Read a PNG or JPEG file by its suffix (`PICTURE_SUFFIXES`), anything else as DICOM.

    Raises RejectedInstanceError where it holds no usable image, OSError where it cannot be opened.
    """
    read = read_picture if path.suffix.lower() in PICTURE_SUFFIXES else render
    return read(path)
