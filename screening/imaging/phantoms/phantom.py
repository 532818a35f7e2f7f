"""Writes synthetic chest radiographs as DICOM files, to demonstrate and test with.

Nothing in them comes from a patient: names, numbers and images are made up.
"""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.phantoms.phantom_modules import computed_radiography, digital_x_ray, general
from screening.imaging.quiet import quiet

__all__ = ["phantom_image", "write_phantoms"]

ROWS, COLUMNS = 1024, 960
UID_NAMESPACE = uuid.UUID("1f0a6a4e-6d5b-5a86-9a53-0f3d1c9a7c11")
FIRST_STUDY_DAY = date(2020, 3, 1)
DARKEST, BRIGHTEST = 0.1, 0.8
"""Part of the stored range that a windowed phantom uses, so that its window matters."""


class Modality(Enum):
    """The two kinds of radiograph; the value is the SOP class."""

    CR = ComputedRadiographyImageStorage
    DX = DigitalXRayImageStorageForPresentation


class Voi(StrEnum):
    """How a phantom says which values are to be seen."""

    NONE = "none"
    WINDOW = "window"
    LUT = "lut"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to encode a radiograph; rescale_intercept None: no rescale."""

    modality: Modality
    photometric_interpretation: str
    bits_stored: int
    voi: Voi
    transfer_syntax: UID
    rescale_intercept: int | None = None


VARIANTS = (
    Variant(Modality.DX, "MONOCHROME2", 12, Voi.WINDOW, ExplicitVRLittleEndian),
    Variant(Modality.CR, "MONOCHROME1", 12, Voi.WINDOW, JPEG2000Lossless),
    Variant(Modality.DX, "MONOCHROME1", 14, Voi.LUT, JPEGLSLossless),
    Variant(Modality.CR, "MONOCHROME2", 8, Voi.NONE, ImplicitVRLittleEndian),
    Variant(Modality.DX, "MONOCHROME2", 14, Voi.WINDOW, RLELossless),
    Variant(Modality.CR, "MONOCHROME2", 12, Voi.WINDOW, ExplicitVRLittleEndian, -1024),
    Variant(Modality.CR, "MONOCHROME1", 14, Voi.LUT, ExplicitVRLittleEndian),
    Variant(Modality.DX, "MONOCHROME1", 12, Voi.WINDOW, JPEG2000Lossless),
)
PATIENTS = (
    ("", "PHANTOM^ANNA"),
    ("ISO_IR 100", "PHANTOM^BJÖRN"),
    ("\\ISO 2022 IR 87", "PHANTOM^TARO=模型^太郎=もけい^たろう"),
    ("ISO_IR 144", "ФАНТОМ^СОНЯ"),
    ("ISO_IR 192", "PHANTOM^ZOÉ=模型^佐伊"),
    ("GB18030", "PHANTOM^LI=模型^丽"),
    ("\\ISO 2022 IR 149", "PHANTOM^MINJI=팬텀^민지"),
)
"""Specific Character Set and Patient's Name. Source: PS3.3 C.12.1.1.2."""


def write_phantoms(
    directory: Path, count: int, seed: int = 0, *, rows: int = ROWS, columns: int = COLUMNS
) -> list[Path]:
    """Write `count` synthetic chest radiographs and return their paths.

    They go through every entry of VARIANTS and PATIENTS in turn; one study in four has two images.
    The same seed gives the same bytes, another seed other UIDs and other images. `directory` is
    made where it is absent; files of the same name are overwritten.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        path = directory / f"phantom_{index + 1:04}.dcm"
        with quiet():
            _phantom(index, seed, rows, columns).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _uid(seed: int, *what: object) -> str:
    name = "\x1f".join(str(part) for part in (seed, *what))
    return f"2.25.{uuid.uuid5(UID_NAMESPACE, name).int}"


def _phantom(index: int, seed: int, rows: int, columns: int) -> Dataset:
    variant = VARIANTS[index % len(VARIANTS)]
    study = index * 4 // 5
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    charset, name = PATIENTS[study % len(PATIENTS)]
    if charset:
        data_set.SpecificCharacterSet = charset.split("\\")
    data_set.PatientName = name
    data_set.PatientID = f"PHANTOM-{study + 1:04}"
    data_set.AccessionNumber = f"PH{seed % 1000:03}{study + 1:05}"
    data_set.StudyInstanceUID = _uid(seed, "study", study)
    data_set.SeriesInstanceUID = _uid(seed, "series", index)
    data_set.SOPInstanceUID = _uid(seed, "instance", index)
    data_set.SOPClassUID = variant.modality.value
    data_set.Modality = variant.modality.name
    data_set.SeriesNumber = data_set.InstanceNumber = index + 1
    general(data_set, FIRST_STUDY_DAY + timedelta(days=study % 365), study)
    add_module = digital_x_ray if variant.modality is Modality.DX else computed_radiography
    add_module(data_set)
    _add_pixels(data_set, variant, phantom_image(seed * 10_000 + index, rows, columns))
    return data_set


def _add_pixels(data_set: Dataset, variant: Variant, image: NDArray[np.uint8]) -> None:
    top = (1 << variant.bits_stored) - 1
    low, high = (0, top) if variant.voi is Voi.NONE else (int(DARKEST * top), int(BRIGHTEST * top))
    stored = np.rint(low + image / 255.0 * (high - low)).astype(np.int64)
    if variant.photometric_interpretation == "MONOCHROME1":
        stored, low, high = top - stored, top - high, top - low
    dtype = np.uint8 if variant.bits_stored == 8 else np.uint16  # noqa: PLR2004  bits of a byte
    pixels: NDArray[np.integer[Any]] = stored.astype(dtype)
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = variant.photometric_interpretation
    data_set.Rows, data_set.Columns = pixels.shape
    data_set.BitsAllocated = 8 * pixels.itemsize
    data_set.BitsStored, data_set.HighBit = variant.bits_stored, variant.bits_stored - 1
    data_set.PixelRepresentation = 0
    if variant.modality is Modality.DX:
        is_inverse = variant.photometric_interpretation == "MONOCHROME1"
        data_set.PresentationLUTShape = "INVERSE" if is_inverse else "IDENTITY"
        data_set.PixelIntensityRelationshipSign = 1 if is_inverse else -1
    _add_values_of_interest(data_set, variant, low, high)
    _encode(data_set, variant, pixels)


def _add_values_of_interest(data_set: Dataset, variant: Variant, low: int, high: int) -> None:
    if variant.rescale_intercept is not None:
        data_set.RescaleIntercept, data_set.RescaleSlope = variant.rescale_intercept, 1
        data_set.RescaleType = "US"
    if variant.voi is Voi.WINDOW:
        data_set.WindowWidth = high - low + 1
        data_set.WindowCenter = (low + high + 1) / 2 + (variant.rescale_intercept or 0)
    elif variant.voi is Voi.LUT:
        item = Dataset()
        item.LUTDescriptor = [high - low + 1, low, 16]
        item.LUTExplanation = "CHEST"
        item["LUTData"] = _lut_data(high - low + 1)
        data_set.VOILUTSequence = [item]


def _lut_data(count: int) -> DataElement:
    entries = np.rint(np.linspace(0, 65535, count)).astype("<u2")
    return DataElement(0x00283006, "OW", entries.tobytes())


def _encode(data_set: Dataset, variant: Variant, pixels: NDArray[np.integer[Any]]) -> None:
    """Set Pixel Data in the variant's transfer syntax. Source: PS3.5 annex A."""
    syntax = variant.transfer_syntax
    data_set.PixelData = pixels.tobytes()
    data_set["PixelData"].VR = "OW"
    if syntax == JPEG2000Lossless:
        frame = encode_array(pixels, bits_stored=variant.bits_stored, photometric_interpretation=2)
        data_set.PixelData = encapsulate([frame])
        data_set["PixelData"].VR = "OB"
        data_set["PixelData"].is_undefined_length = True
    elif syntax.is_encapsulated:
        data_set.compress(syntax, generate_instance_uid=False)
    data_set.file_meta.TransferSyntaxUID = syntax
