"""A small synthetic radiograph that each test changes in one way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from screening.imaging.phantoms.phantom_image import phantom_image

WriteRadiograph = Callable[..., Path]


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """Return the 8-bit picture that the radiographs hold: (96, 80), 0 to 255."""
    grey = phantom_image(0, 96, 80)
    grey[0, :2] = 0, 255
    return grey


def radiograph(pixels: np.ndarray, **attributes: Any) -> Dataset:
    """Return a CR object of `pixels`; an attribute that is None is left out."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = "2.25.11"
    bits = 8 * pixels.dtype.itemsize
    values = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": "2.25.11",
        "StudyInstanceUID": "2.25.12",
        "SeriesInstanceUID": "2.25.13",
        "Modality": "CR",
        "PatientName": "PHANTOM^ANNA",
        "PatientID": "PHANTOM-1",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1 if pixels.ndim == 2 else 3,
        "PhotometricInterpretation": "MONOCHROME2" if pixels.ndim == 2 else "RGB",
        "PlanarConfiguration": None if pixels.ndim == 2 else 0,
        "BitsAllocated": bits,
        "BitsStored": attributes.get("BitsStored", bits),
        "HighBit": attributes.get("BitsStored", bits) - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in {**values, **attributes}.items():
        if value is not None:
            setattr(made, keyword, value)
    return made


@pytest.fixture
def write_radiograph(tmp_path: Path) -> WriteRadiograph:
    """Return a function that writes a radiograph of some pixels, and attributes to change."""

    def write(pixels: np.ndarray, compress: str = "", **attributes: Any) -> Path:
        made = radiograph(pixels, **attributes)
        made["PixelData"].VR = "OW"
        if compress:
            made.compress(compress, generate_instance_uid=False)
        path = tmp_path / f"radiograph_{len(list(tmp_path.iterdir()))}.dcm"
        made.save_as(path, enforce_file_format=True)
        return path

    return write
