"""Reads PNG and JPEG radiographs, for training and `screening score`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from screening.errors import ScreeningError, UndecodablePixelsError
from screening.imaging.pixels.decode import LARGEST_PICTURE_SAMPLES
from screening.imaging.pixels.luma import luma
from screening.imaging.quiet import quiet
from screening.imaging.rendering.render_path import RenderedImage, RenderPath, VoiStep
from screening.imaging.rendering.window import percentile_window, stretch

WIDE_GREY_MODES = frozenset({"I;16", "I;16B", "I;16L", "I"})
PICTURE_FORMATS = ("PNG", "JPEG")
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
"""Of such files, in lower case; every other file is read as DICOM."""


def read_picture(path: Path) -> RenderedImage:
    """Read a PNG or JPEG file as `render` would a DICOM object without a window.

    Grey of 8 or 16 bits passes the same percentile window, so that a picture and the DICOM object
    that holds the same pixels give the same answer; colour becomes luma first, EXIF orientation is
    applied, transparency is laid on black.

    Raises UndecodablePixelsError where it is no such file, damaged, or over 100 million samples;
    OSError where it cannot be opened.
    """
    with path.open("rb") as file, quiet():
        try:
            with Image.open(file, formats=PICTURE_FORMATS) as picture:
                return _read(picture)
        except (ScreeningError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a damaged file provokes
            raise UndecodablePixelsError(
                "expected a PNG or JPEG picture, found one that cannot be read "
                f"({type(error).__name__}); export it again"
            ) from None


def _read(picture: Image.Image) -> RenderedImage:
    samples = picture.width * picture.height * len(picture.getbands())
    if samples > LARGEST_PICTURE_SAMPLES:
        raise UndecodablePixelsError(
            f"expected at most {LARGEST_PICTURE_SAMPLES} samples, found {samples}; reduce it"
        )
    is_grey = picture.mode in WIDE_GREY_MODES | {"L", "1"}
    grey = _grey(ImageOps.exif_transpose(picture))
    counts = np.bincount(grey.ravel())
    levels = np.arange(len(counts), dtype=np.float64)
    table = np.rint(255 * stretch(levels, *percentile_window(levels, counts))).astype(np.uint8)
    path = RenderPath(transfer_syntax_uid="", voi=VoiStep.PERCENTILE, luma=not is_grey)
    return RenderedImage(table[grey], path)


def _grey(picture: Image.Image) -> NDArray[np.integer[Any]]:
    if picture.mode in WIDE_GREY_MODES:
        return np.asarray(np.clip(np.asarray(picture), 0, 2**16 - 1), dtype=np.int32)
    if picture.mode in ("L", "1"):
        return np.asarray(picture.convert("L"))
    if picture.has_transparency_data:
        picture = Image.alpha_composite(
            Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture.convert("RGBA")
        )
    return luma(np.asarray(picture.convert("RGB")), bits=8)
