"""Objects to send: computed radiographs of any size, each another instance, written fast."""

import itertools
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from screening.imaging.phantoms.phantom_image import phantom_image

UID_DIGITS = 24
_ROOT = "2.25.1"
_PLACE = _ROOT + "9" * UID_DIGITS
_numbers = itertools.count(int.from_bytes(os.urandom(8)))


@cache
def computed_radiograph(rows: int, columns: int, bits_stored: int = 12) -> bytes:
    """Return the file of a phantom as uncompressed CR, 16 bits allocated.

    One in which `write_objects` exchanges the UIDs.
    """
    shades = phantom_image(7, rows, columns).astype(np.uint32)
    top = (1 << bits_stored) - 1
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = (
        ComputedRadiographyImageStorage
    )
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID(_PLACE)
    data_set.StudyInstanceUID = UID(f"{_PLACE}.1")
    data_set.SeriesInstanceUID = UID(f"{_PLACE}.1.1")
    data_set.PatientName, data_set.PatientID, data_set.PatientSex = "PHANTOM^BENCH", "BENCH", "O"
    data_set.PatientBirthDate, data_set.PatientAge = "19700101", "050Y"
    data_set.StudyDate, data_set.StudyTime = "20260301", "101500"
    data_set.AccessionNumber, data_set.StudyID = "BENCH1", "1"
    data_set.SeriesNumber = data_set.InstanceNumber = 1
    data_set.Modality, data_set.BodyPartExamined, data_set.ViewPosition = "CR", "CHEST", "PA"
    data_set.ImageType = ["ORIGINAL", "PRIMARY"]
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows, data_set.Columns, data_set.PixelRepresentation = rows, columns, 0
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, bits_stored, bits_stored - 1
    data_set.WindowCenter, data_set.WindowWidth = (top + 1) / 2, top + 1
    data_set.PixelData = (shades * top // 255).astype("<u2").tobytes()
    data_set["PixelData"].VR = "OW"
    written = DicomBytesIO()
    data_set.save_as(written, enforce_file_format=True)
    return written.getvalue()


def write_objects(folder: Path, template: bytes, count: int) -> list[str]:
    """Write so many copies of a file of `computed_radiograph`; return their SOP Instance UIDs.

    Each is another instance of another study.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uids = []
    for _ in range(count):
        uid = f"{_ROOT}{next(_numbers):0{UID_DIGITS}}"
        (folder / f"{uid}.dcm").write_bytes(template.replace(_PLACE.encode(), uid.encode()))
        uids.append(uid)
    return uids


def shares(uids: Sequence[str], count: int) -> list[list[str]]:
    """Deal UIDs out to so many senders."""
    return [list(uids[place::count]) for place in range(count)]
