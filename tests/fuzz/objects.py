"""Objects to begin with: of every transfer syntax and every way to say what is to be seen."""

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from screening.imaging.phantoms.phantom import write_phantoms
from screening.imaging.phantoms.phantom_image import phantom_image
from tests.fuzz.findings import ROOT
from tests.peers.receiving import radiograph

SIDE_PIXELS = 144
"""Enough for the image check, little to decode."""
LARGEST_REAL_BYTES = 1 << 20


@cache
def made_objects() -> tuple[bytes, ...]:
    """Return small objects that nobody was ever in: golden files, phantoms, and odd ones."""
    golden = sorted(Path(str(files("screening.imaging"))).joinpath("golden").glob("*.dcm"))
    with tempfile.TemporaryDirectory() as name:
        phantoms = write_phantoms(Path(name), 8, rows=SIDE_PIXELS, columns=SIDE_PIXELS)
        return (
            *(path.read_bytes() for path in golden),
            *(path.read_bytes() for path in phantoms),
            *_odd_ones(),
        )


def real_objects() -> tuple[bytes, ...]:
    """Return the smaller objects below SCREENING_DATA; none where it is absent."""
    folder = Path(os.environ.get("SCREENING_DATA", ROOT.parent / "shared" / "data")) / "dicom"
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".csv")
    return tuple(p.read_bytes() for p in paths if p.stat().st_size <= LARGEST_REAL_BYTES)


def _odd_ones() -> Iterator[bytes]:
    """Yield objects with attributes that phantoms do without."""
    grey = phantom_image(1, SIDE_PIXELS, SIDE_PIXELS)
    looks = {"side": SIDE_PIXELS, "PixelData": grey.tobytes()}
    yield radiograph(**looks, PixelPaddingValue=0, PixelPaddingRangeLimit=3)
    yield radiograph(
        **looks, WindowCenter=[128, 40], WindowWidth=[256, 9], VOILUTFunction="SIGMOID"
    )
    yield radiograph(**looks, ModalityLUTSequence=[_lookup_table()])
    yield radiograph(**looks, VOILUTSequence=[_lookup_table()], PresentationLUTShape="INVERSE")
    yield radiograph(**looks, **_palette())
    colour = np.repeat(grey[..., None], 3, axis=2).tobytes()
    yield radiograph(
        side=SIDE_PIXELS,
        PixelData=colour,
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL",
        PlanarConfiguration=0,
    )
    yield radiograph(
        side=SIDE_PIXELS,
        PixelData=(grey.astype("<i2") - 100).tobytes(),
        BitsAllocated=16,
        BitsStored=9,
        HighBit=8,
        PixelRepresentation=1,
    )


def _lookup_table() -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item["LUTData"] = DataElement(0x00283006, "OW", np.arange(256, dtype="<u2").tobytes())
    return item


def _palette() -> dict[str, object]:
    table = np.arange(256, dtype="<u2").tobytes()
    palette: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{colour}PaletteColorLookupTableData"] = table
    return palette
