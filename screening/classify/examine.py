"""One instance from spool to the ensemble's input: gate, decode, picture check, prepare."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from screening.domain.eligibility import EligibilityRules, Reason, screen_header
from screening.domain.lifecycle import FailureReason
from screening.errors import OutOfMemoryError, RejectedInstanceError, UndecodablePixelsError
from screening.imaging.header import read_header
from screening.imaging.picture_check import picture_refusal
from screening.imaging.picture_file import read_picture
from screening.imaging.preprocess import pixel_sha256
from screening.imaging.render import render
from screening.imaging.render_path import RenderedImage
from screening.logs import get_logger
from screening.spool.store import Spool

Prepared = TypeVar("Prepared")
Found = TypeVar("Found")
log = get_logger()


@dataclass(frozen=True, slots=True)
class Ready(Generic[Prepared]):
    """An instance the ensemble may score."""

    prepared: Prepared
    pixel_sha256: str
    render_path: dict[str, Any]
    timings_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """An instance that is not ours to score, and why."""

    reason: Reason
    found: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An instance that could not be examined."""

    reason: FailureReason
    detail: str


DAMAGED = Failed(FailureReason.SPOOL_FILE_DAMAGED, "expected the digest it was kept under")
Examined = Ready[Prepared] | NotApplicable | Failed


def examine_kept(
    spool: Spool, sha256: str, rules: EligibilityRules, prepare: Callable[[Any], Prepared]
) -> Examined[Prepared]:
    """Examine the spooled object of this digest, if it still is what was kept. Never raises."""

    def examination() -> Examined[Prepared]:
        if not spool.is_undamaged(sha256):
            return DAMAGED
        return _examine_object(spool.path_of(sha256), rules, prepare)

    return guarded(examination)


def examine(
    path: Path, rules: EligibilityRules, prepare: Callable[[Any], Prepared]
) -> Examined[Prepared]:
    """Gate one DICOM file by its header, render it, check the picture and prepare it.

    prepare: takes a uint8 (rows, columns) picture. Never raises: every instance ends somewhere.
    """
    return guarded(lambda: _examine_object(path, rules, prepare))


def examine_picture(path: Path, prepare: Callable[[Any], Prepared]) -> Examined[Prepared]:
    """Do the same for a PNG or JPEG file, which has no header to gate by."""
    return guarded(lambda: _examine_pixels(lambda: read_picture(path), prepare))


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


def _examine_object(
    path: Path, rules: EligibilityRules, prepare: Callable[[Any], Prepared]
) -> Examined[Prepared]:
    refusal = screen_header(read_header(path).instance, rules)
    if refusal is not None:
        return NotApplicable(refusal.reason, refusal.found)
    return _examine_pixels(lambda: render(path), prepare)


def _examine_pixels(
    read: Callable[[], RenderedImage], prepare: Callable[[Any], Prepared]
) -> Examined[Prepared]:
    started = time.perf_counter()
    rendered = read()
    decoded = time.perf_counter()
    refusal = picture_refusal(rendered.pixels)
    if refusal is not None:
        return NotApplicable(refusal.reason, refusal.found)
    prepared = prepare(rendered.pixels)
    return Ready(
        prepared=prepared,
        pixel_sha256=pixel_sha256(rendered.pixels),
        render_path=asdict(rendered.path),
        timings_s={
            "render": round(decoded - started, 4),
            "prepare": round(time.perf_counter() - decoded, 4),
        },
    )
