"""Decodes the pixels of one frame, within limits checked before anything is allocated."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
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
from screening.imaging.codestream import FrameSize, frame_size
from screening.imaging.data_set import seek_data_set
from screening.imaging.quiet import quiet

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


@dataclass(frozen=True, slots=True)
class DecodedPixels:
    """The first frame of an object and its data set.

    array: (rows, columns) integers for one sample per pixel, (rows, columns, 3) uint8 or uint16
    RGB for colour (YBR and palette are converted).
    """

    array: NDArray[np.integer[Any]]
    data_set: Dataset
    transfer_syntax_uid: str
    photometric_interpretation: str
    bits_stored: int


def decode(source: Path | Dataset) -> DecodedPixels:
    """Decode the first frame of a DICOM file or of a data set with file meta information.

    Raises UnreadableDataSetError where the file does not parse, UndecodablePixelsError where there
    are no integer pixels, more than 100 million samples, a transfer syntax that is not decoded
    here, or a damaged frame; OSError where the file cannot be opened, and nothing else.
    Source: PS3.3 C.7.6.3; PS3.5 section 8.
    """
    with quiet():
        data_set = _read(source) if isinstance(source, Path) else source
        try:
            return _decode(data_set)
        except (ScreeningError, MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  the RLE decoder's panics are no Exception
            raise UndecodablePixelsError(
                f"the pixels cannot be decoded ({type(error).__name__}); "
                "check the object in another viewer, send it again"
            ) from None


def _read(path: Path) -> Dataset:
    with path.open("rb") as file:
        try:
            encoding = seek_data_set(file)
            file.seek(0)
            data_set = dcmread(file, force=True)
        except (ScreeningError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None
    if not data_set.file_meta.get("TransferSyntaxUID"):
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = UID(encoding.transfer_syntax_uid)
    return data_set


def _decode(data_set: Dataset) -> DecodedPixels:
    transfer_syntax = data_set.file_meta.TransferSyntaxUID
    if transfer_syntax not in CANDIDATE_TRANSFER_SYNTAXES:
        raise UndecodablePixelsError(
            f"transfer syntax {shown_uid(transfer_syntax)} is not decoded here; "
            "send it uncompressed"
        )
    _check_pixel_module(data_set)
    if transfer_syntax.is_encapsulated:
        _check_codestream(data_set, transfer_syntax)
    array, properties = get_decoder(transfer_syntax).as_array(data_set, index=0)
    photometric = str(properties["photometric_interpretation"])
    bits_stored = int(data_set.BitsStored)
    if photometric == "PALETTE COLOR":
        array = apply_color_lut(array, data_set)
        photometric, bits_stored = "RGB", 8 * array.dtype.itemsize
    return DecodedPixels(array, data_set, str(transfer_syntax), photometric, bits_stored)


def _check_pixel_module(data_set: Dataset) -> None:
    if not data_set.get("PixelData"):
        raise UndecodablePixelsError("expected integer Pixel Data, found none; nothing to classify")
    rows, columns = int(data_set.Rows), int(data_set.Columns)
    frames = int(data_set.get("NumberOfFrames") or 1)
    samples = rows * columns * frames * int(data_set.SamplesPerPixel)
    if not 0 < samples <= LARGEST_PICTURE_SAMPLES:
        raise UndecodablePixelsError(
            f"expected 1 to {LARGEST_PICTURE_SAMPLES} samples, found {rows} rows x {columns} "
            f"columns x {frames} frames x {data_set.SamplesPerPixel}"
        )
    if not 0 < int(data_set.BitsStored) <= int(data_set.BitsAllocated) <= LARGEST_BITS_ALLOCATED:
        raise UndecodablePixelsError(
            f"expected 1 to {LARGEST_BITS_ALLOCATED} bits stored and allocated, found "
            f"{data_set.BitsStored} and {data_set.BitsAllocated}"
        )


def _check_codestream(data_set: Dataset, transfer_syntax: UID) -> None:
    """Refuse a frame whose codestream is of another size than the header says, or of none.

    Decoders allocate by the codestream, and one ends the process where components differ.
    """
    frames = int(data_set.get("NumberOfFrames") or 1)
    found = frame_size(get_frame(data_set.PixelData, 0, number_of_frames=frames))
    expected = FrameSize(int(data_set.Rows), int(data_set.Columns), int(data_set.SamplesPerPixel))
    if found != expected and transfer_syntax != RLELossless:
        raise UndecodablePixelsError(
            f"expected a frame of {expected} (rows, columns, samples), "
            f"found {found or 'none'} in the compressed data"
        )
