"""Opens listed images: digests, size, and what a DICOM header adds."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.domain.eligibility import EligibilityRules, Refusal, screen_header
from screening.domain.eligibility import Reason as HeaderReason
from screening.errors import RejectedInstanceError
from screening.imaging.dicom.header import read_header
from screening.imaging.rendering.picture_file import PICTURE_SUFFIXES
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.data.manifest import View
from training.datasets.listing import ListedImage, Reason, SetAside

HASH_SIDE = 16
VIEW_OF_POSITION = {"PA": View.PA, "AP": View.AP}
"""View Position. Source: PS3.3 C.8.1.1 (CR) and C.8.11.2 (DX)."""


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A listed image and what its pixels say."""

    listed: ListedImage
    view: View
    age_years: float | None
    sha256: str
    """Of the file's bytes."""
    pixels_sha256: str
    """Of size and grey values, see `pixels_digest`."""
    width: int
    height: int
    difference_hash: NDArray[np.uint64]
    """Shape (4,), uint64: 256 bits, see `difference_hash`."""


def open_image(listed: ListedImage) -> OpenedImage | SetAside:
    """Read an image whole.

    Set aside what is absent, cannot be decoded, or is a DICOM object that the stations would not
    screen by its header (lateral, another modality or body part): training sees what they see.
    """
    path = listed.path
    view, age_years = listed.view, listed.age_years
    try:
        content = path.read_bytes()
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            header = read_header(path).instance
            if refusal := screen_header(header, EligibilityRules()):
                return _set_aside(listed, refusal)
            view = VIEW_OF_POSITION.get(header.view_position, view)
            age_years = header.patient_age_years if age_years is None else age_years
        grey = read_radiograph(path).pixels
    except FileNotFoundError:
        return SetAside(path, listed.source, Reason.MISSING, "no such file")
    except OSError as error:
        return SetAside(path, listed.source, Reason.DAMAGED, f"cannot be read: {error.strerror}")
    except RejectedInstanceError as error:
        return SetAside(path, listed.source, Reason.DAMAGED, str(error))
    return OpenedImage(
        listed=listed,
        view=view,
        age_years=age_years,
        sha256=hashlib.sha256(content).hexdigest(),
        pixels_sha256=pixels_digest(grey),
        width=grey.shape[1],
        height=grey.shape[0],
        difference_hash=difference_hash(grey),
    )


def _set_aside(listed: ListedImage, refusal: Refusal) -> SetAside:
    lateral = refusal.reason is HeaderReason.NOT_FRONTAL
    reason = Reason.NOT_FRONTAL if lateral else Reason.NOT_ELIGIBLE
    return SetAside(listed.path, listed.source, reason, refusal.found)


def pixels_digest(grey: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of an image's size and grey values: shape (rows, columns)."""
    rows, columns = grey.shape
    digest = hashlib.sha256(f"{rows}x{columns}:".encode())
    digest.update(np.ascontiguousarray(grey).data)
    return digest.hexdigest()


def difference_hash(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return 256 bits: whether each of 16 x 16 cells is darker than its right neighbour.

    grey: shape (rows, columns). Returns shape (4,). Images of one exposure differ in few bits
    after resizing, windowing or JPEG.
    """
    small = Image.fromarray(grey).resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX)
    cells = np.asarray(small, dtype=np.int16)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).view(np.uint64)
