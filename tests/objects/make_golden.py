"""Writes screening/imaging/golden: one tiny synthetic image per transfer syntax.

Run `python -m tests.objects.make_golden` from the checkout's root; needs DCMTK's dcmcjpeg.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from openjpeg.utils import encode_array
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
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
    SecondaryCaptureImageStorage,
)

from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.pixels.transfer_syntaxes import GOLDEN_FOLDER

SIDE = 64
UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
PYDICOM_ENCODED: dict[UID, dict[str, object]] = {
    RLELossless: {},
    JPEGLSLossless: {},
    JPEGLSNearLossless: {"jls_error": 3},
}
OPENJPEG_ENCODED: dict[UID, dict[str, list[float]]] = {
    JPEG2000Lossless: {},
    JPEG2000: {"signal_noise_ratios": [60.0]},
}
DCMTK_ENCODED = {
    JPEGBaseline8Bit: ["+eb", "+q", "100"],
    JPEGExtended12Bit: ["+ee", "+q", "98"],
    JPEGLossless: ["+el"],
    JPEGLosslessSV1: ["+e1"],
}


def picture(bits: int) -> np.ndarray:
    """Return the phantom with a little noise and both extremes, (64, 64) of `bits` bits."""
    grey = phantom_image(0, SIDE, SIDE).astype(np.float64) / 255
    scaled = np.rint(grey * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)
    scaled[0, :2] = 0, 2**bits - 1
    return scaled


def data_set(pixels: np.ndarray, bits: int, syntax: UID) -> Dataset:
    """Return a Secondary Capture object of the pixels."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = made.StudyInstanceUID = made.SeriesInstanceUID = "2.25.1"
    made.Modality, made.PatientID, made.PatientName = "OT", "GOLDEN", "GOLDEN"
    made.Rows = made.Columns = SIDE
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = 8 * pixels.dtype.itemsize
    made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits - 1, 0
    stored = pixels.astype(pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">"))
    made.PixelData = stored.tobytes()
    made["PixelData"].VR = "OW"
    return made


def main() -> None:
    """Write every golden file and the two arrays that they hold."""
    GOLDEN_FOLDER.mkdir(exist_ok=True)
    for bits in (8, 12):
        np.save(GOLDEN_FOLDER / f"expected_{bits}_bits.npy", picture(bits))
    for syntax in UNCOMPRESSED:
        data_set(picture(12), 12, syntax).save_as(
            GOLDEN_FOLDER / f"{syntax}.dcm",
            enforce_file_format=True,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
        )
    for syntax, options in PYDICOM_ENCODED.items():
        made = data_set(picture(12), 12, ExplicitVRLittleEndian)
        made.compress(syntax, generate_instance_uid=False, **options)
        made.save_as(GOLDEN_FOLDER / f"{syntax}.dcm", enforce_file_format=True)
    for syntax, options in OPENJPEG_ENCODED.items():
        made = data_set(picture(12), 12, syntax)
        frame = encode_array(picture(12), bits_stored=12, photometric_interpretation=2, **options)
        made.PixelData = encapsulate([frame])
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        made.save_as(GOLDEN_FOLDER / f"{syntax}.dcm", enforce_file_format=True)
    with tempfile.TemporaryDirectory() as folder:
        for syntax, options in DCMTK_ENCODED.items():
            bits = 8 if syntax == JPEGBaseline8Bit else 12
            plain = Path(folder) / "plain.dcm"
            data_set(picture(bits), bits, ExplicitVRLittleEndian).save_as(
                plain, enforce_file_format=True
            )
            target = GOLDEN_FOLDER / f"{syntax}.dcm"
            subprocess.run(["dcmcjpeg", *options, "+un", plain, target], check=True)


if __name__ == "__main__":
    main()
