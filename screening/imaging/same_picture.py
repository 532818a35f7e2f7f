"""Tells whether two objects hold the same picture, whatever their transfer syntaxes are.

The stored pixels are compared before rendering, with the attributes that change what they mean, so
that every lossless transfer syntax agrees; then the rendered pictures, which is what is scored.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from screening.errors import ScreeningError, UndecodablePixelsError, UnreadableDataSetError
from screening.imaging.dicom.attributes import read_attributes
from screening.imaging.dicom.data_set import seek_data_set
from screening.imaging.dicom.element import UNDEFINED_LENGTH, ElementStart
from screening.imaging.network_input.preprocess import pixel_sha256
from screening.imaging.pixels.decode import DecodedPixels, decode
from screening.imaging.pixels.transfer_syntaxes import LOSSY
from screening.imaging.quiet import quiet
from screening.imaging.rendering.render import render

MEANING = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "NumberOfFrames",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
"""Attributes that change what encoded pixels mean. Source: PS3.3 C.7.6.3.1."""
_TAGS = frozenset(tag for keyword in MEANING if (tag := tag_for_keyword(keyword)) is not None)
BYTES_AT_ONCE = 1 << 20
OTHER_PIXELS = "other pixels"
WITH_LOSSES = "other pixels, at least one of them compressed with losses, which changes pixels"
UNDECODABLE = "pixels that cannot be decoded, and other bytes of them"
RENDERED_OTHERWISE = "the same stored pixels, rendered otherwise by the header"


@dataclass(frozen=True, slots=True)
class PictureComparison:
    """Whether two objects hold the same picture; where not, what was found instead."""

    same: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class _Pixels:
    """One object's pixels in digests. stored: None where they cannot be decoded."""

    encoded: str
    stored: str | None
    is_lossy: bool


def compare_pictures(first: Path, second: Path) -> PictureComparison:
    """Compare the pictures of two DICOM files. At most one of them is in memory at a time.

    Of several frames, and of pixels that are not decoded here, the encoded bytes are compared.
    Raises UnreadableDataSetError where a file does not parse; OSError where it cannot be opened.
    """
    one, other = _pixels(first), _pixels(second)
    if one.encoded == other.encoded or (one.stored is not None and one.stored == other.stored):
        same = _rendered(first) == _rendered(second)
        return PictureComparison(same, "" if same else RENDERED_OTHERWISE)
    if one.is_lossy or other.is_lossy:
        return PictureComparison(same=False, found=WITH_LOSSES)
    if one.stored is None or other.stored is None:
        return PictureComparison(same=False, found=UNDECODABLE)
    return PictureComparison(same=False, found=OTHER_PIXELS)


def _pixels(path: Path) -> _Pixels:
    try:
        encoded = _encoded(path)
    except (ScreeningError, MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
        raise UnreadableDataSetError(
            f"the data set cannot be parsed ({type(error).__name__}); send the original object"
        ) from None
    if encoded.frames > 1:
        return _Pixels(encoded.sha256, None, encoded.is_lossy)
    try:
        return _Pixels(encoded.sha256, _stored(decode(path)), encoded.is_lossy)
    except UndecodablePixelsError:
        return _Pixels(encoded.sha256, None, encoded.is_lossy)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """One object's pixels as they are encoded."""

    sha256: str
    frames: int
    is_lossy: bool


def _encoded(path: Path) -> _Encoded:
    """Digest the encoded pixels, with what says how they are encoded and what they mean."""
    with path.open("rb") as file, quiet():
        encoding = seek_data_set(file)
        found = read_attributes(file, encoding, _TAGS.__contains__)
        syntax = UID(encoding.transfer_syntax_uid)
        native = not syntax.is_private and not syntax.is_encapsulated
        how = "native" if native and encoding.is_little_endian else str(syntax)
        values = [str(found.data_set.get(keyword) or "") for keyword in MEANING]
        digest = hashlib.sha256("\\".join([*values, how, ""]).encode())
        if found.pixel_data is not None:
            _digest_value(digest, file, found.pixel_data)
    frames = found.data_set.get("NumberOfFrames")
    return _Encoded(digest.hexdigest(), int(frames or 1), syntax in LOSSY)


def _digest_value(digest: Any, file: BinaryIO, pixel_data: ElementStart) -> None:
    """Add the value of Pixel Data; of an encapsulated one all that follows."""
    digest.update(f"{pixel_data.tag:08X}".encode())
    file.seek(pixel_data.value_offset)
    is_encapsulated = pixel_data.length == UNDEFINED_LENGTH
    left = math.inf if is_encapsulated else pixel_data.length
    while left > 0 and (part := file.read(int(min(left, BYTES_AT_ONCE)))):
        digest.update(part)
        left -= len(part)


def _stored(decoded: DecodedPixels) -> str:
    """Return the digest of the stored values, whatever container they came in."""
    what = (decoded.array.shape, decoded.photometric_interpretation, decoded.bits_stored)
    is_signed = decoded.array.dtype.kind == "i"
    digest = hashlib.sha256(f"{what} {is_signed}".encode())
    container = "<i2" if is_signed else "<u2"
    for row in decoded.array:
        digest.update(row.astype(container).tobytes())
    return digest.hexdigest()


def _rendered(path: Path) -> str | None:
    """Return the digest of the rendered picture, None where there is none."""
    try:
        return pixel_sha256(render(path).pixels)
    except UndecodablePixelsError:
        return None
