"""One file to the ensemble's input: header rules, rendering, image check, input views."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from screening.domain.eligibility import EligibilityRules, Refusal, screen_header
from screening.domain.failures import FailureReason
from screening.errors import OutOfMemoryError, RejectedInstanceError, UndecodablePixelsError
from screening.imaging.dicom.header import read_header
from screening.imaging.network_input.image_check import image_refusal
from screening.imaging.network_input.preprocess import pixel_sha256
from screening.imaging.rendering.picture_file import PICTURE_SUFFIXES
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.logs import get_logger

Prepared = TypeVar("Prepared")
Found = TypeVar("Found")
log = get_logger()


@dataclass(frozen=True, slots=True)
class Ready(Generic[Prepared]):
    """A file that the ensemble may score."""

    prepared: Prepared
    pixel_sha256: str
    """Of the rendered image."""
    render_path: dict[str, Any]
    """How it was rendered."""
    timings_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be examined, or an image that could not be scored."""

    reason: FailureReason
    detail: str


Examined = Ready[Prepared] | Refusal | Failed


def examine(
    path: Path, rules: EligibilityRules, prepare: Callable[[NDArray[np.uint8]], Prepared]
) -> Examined[Prepared]:
    """Check one file by its header, render it, check the image and prepare it. Never raises.

    path: a PNG or JPEG by `PICTURE_SUFFIXES`, which has no header to check, else a DICOM file.
    prepare: takes a (rows, columns) uint8 image, as `Ensemble.prepare` does.
    """
    return guarded(lambda: _examine(path, rules, prepare))


def check_and_prepare(
    image: NDArray[np.uint8], prepare: Callable[[NDArray[np.uint8]], Prepared]
) -> Prepared | Refusal:
    """Return a rendered (rows, columns) image as prepared, or why its pixels are no radiograph."""
    return image_refusal(image) or prepare(image)


def guarded(examination: Callable[[], Found | Failed]) -> Found | Failed:
    """Return what an examination finds, or why it could not look."""
    try:
        return examination()
    except FileNotFoundError:
        return Failed(FailureReason.SPOOL_FILE_MISSING, "expected the file, found none")
    except UndecodablePixelsError as error:
        return Failed(FailureReason.UNDECODABLE_PIXELS, str(error))
    except RejectedInstanceError as error:
        return Failed(FailureReason.UNREADABLE_DATA_SET, str(error))
    except (MemoryError, OutOfMemoryError) as error:
        log.warning("out_of_memory", reason=str(error) or type(error).__name__)
        return Failed(FailureReason.OUT_OF_MEMORY, "expected memory for decoding, found too little")
    except Exception as error:
        log.exception("examination_failed")
        return Failed(FailureReason.INTERNAL_ERROR, type(error).__name__)


def _examine(
    path: Path, rules: EligibilityRules, prepare: Callable[[NDArray[np.uint8]], Prepared]
) -> Examined[Prepared]:
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        refusal = screen_header(read_header(path).instance, rules)
        if refusal is not None:
            return refusal
    started = time.perf_counter()
    rendered = read_radiograph(path)
    decoded = time.perf_counter()
    prepared = check_and_prepare(rendered.pixels, prepare)
    if isinstance(prepared, Refusal):
        return prepared
    return Ready(
        prepared=prepared,
        pixel_sha256=pixel_sha256(rendered.pixels),
        render_path=asdict(rendered.path),
        timings_s={
            "render": round(decoded - started, 4),
            "prepare": round(time.perf_counter() - decoded, 4),
        },
    )
