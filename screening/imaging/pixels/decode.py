"""Decodes the pixels of one frame, within limits checked before anything is allocated."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from screening.domain.shown_values import shown_uid
from screening.errors import ScreeningError, UndecodablePixelsError, UnreadableDataSetError
from screening.imaging.dicom.attributes import read_attributes
from screening.imaging.dicom.data_set import seek_data_set
from screening.imaging.dicom.element import UNDEFINED_LENGTH, ElementStart, Encoding
from screening.imaging.pixels.codestream import FrameSize, read_codestream, rle_segments
from screening.imaging.pixels.encoded_image import (
    BITS_OF_A_BYTE,
    PIXEL_DATA,
    EncodedImage,
    decoded_words,
    frames_of,
)
from screening.imaging.pixels.fragments import FirstFrame, first_frame
from screening.imaging.pixels.stored_bits import StoredBits, overlay_bits, stored_values
from screening.imaging.quiet import quiet
from screening.imaging.tolerance import Tolerance

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()

LARGEST_PICTURE_SAMPLES = 100_000_000
"""Rows x columns x samples x frames that are decoded; the largest detectors give 20 million."""
LARGEST_BITS_ALLOCATED = 16

CANDIDATE_TRANSFER_SYNTAXES: tuple[UID, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)
"""What this project tries to decode. Never a deflated one: kilobytes inflate to gigabytes."""
PICTURE_GROUPS = frozenset({0x0028, 0x2050})
OVERLAY_GROUPS = frozenset(range(0x6000, 0x6020, 2))
OVERLAY_BIT_POSITION = 0x0102


@dataclass(frozen=True, slots=True)
class DecodedPixels:
    """The first frame of an object and its data set.

    array: (rows, columns) integers for one sample per pixel, (rows, columns, 3) uint8 or uint16
    RGB for colour (YBR and palette are converted). tolerated: in what its header was not believed.
    """

    array: NDArray[np.integer[Any]]
    data_set: Dataset
    transfer_syntax_uid: str
    photometric_interpretation: str
    bits_stored: int
    tolerated: tuple[Tolerance, ...] = ()


def decode(source: Path | Dataset, *, enough_pixels: int | None = None) -> DecodedPixels:
    """Decode the first frame of a DICOM file or of a data set with file meta information.

    A compressed frame's own precision counts, High Bit as `stored_bits` says, and with one frame
    all fragments are the frame. enough_pixels: for a picture that needs no more rows or columns;
    the array may then be smaller than Rows x Columns, where that is quicker.
    Raises UnreadableDataSetError where the file does not parse, TruncatedDataSetError where it ends
    before Pixel Data or within a fragment, UndecodablePixelsError where there
    are no integer pixels, more than 100 million samples, a transfer syntax that is not decoded
    here, or a damaged frame; OSError where the file cannot be opened, and nothing else.
    Source: PS3.3 C.7.6.3; PS3.5 section 8.
    """
    with quiet():
        found = _read(source) if isinstance(source, Path) else _from_memory(source)
        try:
            return _decode(found, enough_pixels)
        except (ScreeningError, MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  the RLE decoder's panics are no Exception
            raise UndecodablePixelsError(
                f"the pixels cannot be decoded ({type(error).__name__}); "
                "check the object in another viewer, send it again"
            ) from None


def _read(path: Path) -> EncodedImage:
    with path.open("rb") as file:
        try:
            encoding = seek_data_set(file)
            found = read_attributes(file, encoding, _is_of_the_image)
            found.require_whole()
            return _with_pixels(found.data_set, file, found.pixel_data, encoding)
        except (ScreeningError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None


def _from_memory(data_set: Dataset) -> EncodedImage:
    uid = UID(data_set.file_meta.TransferSyntaxUID)
    content = bytes(data_set.get("PixelData") or b"")
    length = UNDEFINED_LENGTH if uid.is_encapsulated else len(content)
    pixel_data = ElementStart(PIXEL_DATA, "OW", length, 0) if content else None
    encoding = Encoding(uid, is_implicit_vr=False, is_little_endian=uid.is_little_endian)
    return _with_pixels(data_set, BytesIO(content), pixel_data, encoding)


def _is_of_the_image(tag: int) -> bool:
    group, number = tag >> 16, tag & 0xFFFF
    return group in PICTURE_GROUPS or (group in OVERLAY_GROUPS and number == OVERLAY_BIT_POSITION)


def _with_pixels(
    data_set: Dataset, file: BinaryIO, pixel_data: ElementStart | None, encoding: Encoding
) -> EncodedImage:
    transfer_syntax = UID(encoding.transfer_syntax_uid)
    if pixel_data is None or pixel_data.tag != PIXEL_DATA:
        return EncodedImage(data_set, transfer_syntax, FirstFrame(b""))
    if transfer_syntax not in CANDIDATE_TRANSFER_SYNTAXES:
        raise UndecodablePixelsError(
            f"transfer syntax {shown_uid(transfer_syntax)} is not decoded here; "
            "send it uncompressed"
        )
    if (pixel_data.length == UNDEFINED_LENGTH) != transfer_syntax.is_encapsulated:
        raise UndecodablePixelsError(
            f"expected Pixel Data in the transfer syntax {shown_uid(transfer_syntax)}, found "
            f"{'native' if transfer_syntax.is_encapsulated else 'encapsulated'} ones; "
            "correct the object at its source"
        )
    if transfer_syntax.is_encapsulated:
        frame = first_frame(file, pixel_data, encoding, frames_of(data_set))
        return EncodedImage(data_set, transfer_syntax, frame)
    file.seek(pixel_data.value_offset)
    content = FirstFrame(file.read(pixel_data.length))
    return EncodedImage(data_set, transfer_syntax, content, "OB" if pixel_data.vr == "OB" else "OW")


def _decode(encoded: EncodedImage, enough_pixels: int | None) -> DecodedPixels:
    data_set, transfer_syntax = encoded.data_set, encoded.transfer_syntax
    if transfer_syntax not in CANDIDATE_TRANSFER_SYNTAXES:
        raise UndecodablePixelsError(
            f"transfer syntax {shown_uid(transfer_syntax)} is not decoded here; "
            "send it uncompressed"
        )
    _check_pixel_module(encoded)
    bits = _bits(encoded)
    array, photometric = decoded_words(encoded, bits, enough_pixels)
    tolerated = encoded.pixels.tolerated
    if array.ndim != 2:  # noqa: PLR2004  colour
        array, bits_stored = np.asarray(array), bits.width
    else:
        values = stored_values(array, bits)
        array, bits_stored = values.array, values.bits
        tolerated += values.tolerated
    if photometric == "PALETTE COLOR":
        array = apply_color_lut(array, data_set)
        photometric, bits_stored = "RGB", 8 * array.dtype.itemsize
    return DecodedPixels(array, data_set, str(transfer_syntax), photometric, bits_stored, tolerated)


def _bits(encoded: EncodedImage) -> StoredBits:
    """Tell how wide the decoded words are and where values lie in them.

    Refuses a frame whose codestream is of another size than the header says, or of none: decoders
    allocate by the codestream, and one ends the process where components differ.
    """
    data_set, frame = encoded.data_set, encoded.pixels.content
    samples = int(data_set.SamplesPerPixel)
    width, is_codestream = int(data_set.BitsAllocated), False
    if encoded.transfer_syntax == RLELossless:
        segments = rle_segments(frame) or 0
        width = BITS_OF_A_BYTE * (segments // samples) or width
    elif encoded.transfer_syntax.is_encapsulated:
        found = read_codestream(frame)
        expected = FrameSize(int(data_set.Rows), int(data_set.Columns), samples)
        if found is None or found.size != expected:
            raise UndecodablePixelsError(
                f"expected a frame of {expected} (rows, columns, samples), "
                f"found {found.size if found else 'none'} in the compressed data"
            )
        width, is_codestream = found.precision, True
    stored = int(data_set.BitsStored)
    if not 0 < (1 if is_codestream else stored) <= width <= LARGEST_BITS_ALLOCATED:
        raise UndecodablePixelsError(
            f"expected 1 to {LARGEST_BITS_ALLOCATED} bits stored and allocated, found "
            f"{stored} and {width}"
        )
    high_bit = data_set.get("HighBit")
    return StoredBits(
        width=width,
        stored=stored,
        high_bit=stored - 1 if high_bit is None else int(high_bit),
        is_signed=int(data_set.get("PixelRepresentation") or 0) == 1,
        overlay=overlay_bits(
            [
                int(data_set[group << 16 | OVERLAY_BIT_POSITION].value or 0)
                for group in sorted(OVERLAY_GROUPS)
                if group << 16 | OVERLAY_BIT_POSITION in data_set
            ]
        ),
        is_codestream=is_codestream,
    )


def _check_pixel_module(encoded: EncodedImage) -> None:
    data_set = encoded.data_set
    if not encoded.pixels.content:
        raise UndecodablePixelsError("expected integer Pixel Data, found none; nothing to classify")
    rows, columns = int(data_set.Rows), int(data_set.Columns)
    frames = frames_of(data_set)
    samples = rows * columns * frames * int(data_set.SamplesPerPixel)
    if not 0 < samples <= LARGEST_PICTURE_SAMPLES:
        raise UndecodablePixelsError(
            f"expected 1 to {LARGEST_PICTURE_SAMPLES} samples, found {rows} rows x {columns} "
            f"columns x {frames} frames x {data_set.SamplesPerPixel}"
        )
    if not 0 < int(data_set.BitsStored) <= LARGEST_BITS_ALLOCATED:
        raise UndecodablePixelsError(
            f"expected 1 to {LARGEST_BITS_ALLOCATED} bits stored and allocated, found "
            f"{data_set.BitsStored} and {data_set.BitsAllocated}"
        )
