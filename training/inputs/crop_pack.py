"""A pack of crops, read.

PACK/manifest.csv   the data manifest, whose paths need not exist
PACK/crops.zip      one WebP for each image, named by the beginning of its pixels_sha256
PACK/pack.json      what was packed, and with which lung-field network
PACK/lung-field/    that network's run
"""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.imaging.network_input.preprocess import InputSpec
from training.errors import DataError
from training.inputs.grey_levels import exact_values, whole_grey_levels

MANIFEST, CROPS, RECORD, LUNG_FIELD = "manifest.csv", "crops.zip", "pack.json", "lung-field"
_NAME_CHARACTERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRecord:
    """A pack's description."""

    images: int
    """How many there are."""
    side: int
    """Of each crop, height and width, in pixels."""
    quality: int
    """Of WebP, 0 to 100."""
    lung_field: str
    """SHA-256 of the network's weights."""
    fingerprint: str
    """Of the preprocessing that made the crops."""
    data_digest: str
    whole: int
    """Images without a plausible lung field, which are packed whole."""


def is_pack(folder: Path) -> bool:
    """Return whether a folder holds a pack."""
    return (folder / RECORD).is_file() and (folder / CROPS).is_file()


def crop_name(pixels_sha256: str) -> str:
    """Return the name of an image's crop in the archive."""
    return f"{pixels_sha256[:_NAME_CHARACTERS]}.webp"


def read_record(pack: Path) -> PackRecord:
    """Return a pack's description; raises DataError where it cannot be read."""
    try:
        return PackRecord(**json.loads((pack / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"expected a pack of crops in {pack}, cannot read its {RECORD} "
            f"({type(error).__name__}); make it with `screening train pack`"
        ) from error


class CropPack:
    """Decodes crops, in any thread."""

    def __init__(self, folder: Path) -> None:
        """Open a pack; raises DataError where there is none."""
        self._folder = folder
        self.record = read_record(folder)
        try:
            self._archive = zipfile.ZipFile(folder / CROPS)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"expected crops in {folder / CROPS}, cannot read them ({error}); make the pack "
                "again"
            ) from error
        self._lock = threading.Lock()

    def crop(self, pixels_sha256: str) -> NDArray[np.uint8]:
        """Return one image's crop, (side, side) uint8; raises DataError where it has none."""
        try:
            with self._lock:
                content = self._archive.read(crop_name(pixels_sha256))
            return np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"expected a crop of image {pixels_sha256} in {self._folder / CROPS}, cannot "
                f"read one ({type(error).__name__}); pack the manifest again"
            ) from error

    def images(
        self,
        pixels_sha256: Sequence[str],
        spec: InputSpec,
        *,
        exact: bool,
        workers: int,
        on_decoded: Callable[[int], None] | None = None,
    ) -> NDArray[Any]:
        """Return (images, spec.height, spec.width), as `decoded_images.load_images` does.

        exact: float32 in spec.value_range, else whole grey levels, uint8. Raises DataError.
        """
        values = exact_values if exact else whole_grey_levels
        shape = (len(pixels_sha256), spec.height, spec.width)
        found: NDArray[Any] = np.empty(shape, np.float32 if exact else np.uint8)

        def decode(place: int) -> None:
            found[place] = values(self.crop(pixels_sha256[place]), spec)

        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(decode, range(len(pixels_sha256))):
                if on_decoded:
                    on_decoded(1)
        return found
