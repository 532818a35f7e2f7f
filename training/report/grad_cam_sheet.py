"""Where networks look: a sheet of images with Grad-CAM maps, for the report.

Reports are shown to anybody, so the sheet shows synthetic phantoms unless asked otherwise: many
data sets' images may not be passed on.
"""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.pixels.overlay import overlay
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.grad_cam import GradCam
from training.data.evenly_spread import evenly_spread
from training.data.manifest import ImageRow
from training.inference.score_files import FileScorer, input_view_of
from training.networks.initial import load_network
from training.outliers.outlier_images import GreyImage
from training.report.image_sheet import Sheet, SheetCell
from training.runs.held_out_scores import Predictions, TrainedFold

IMAGES_OF_A_CLASS = 3
PHANTOMS = 6
PHANTOM_PIXELS = (512, 480)
SHOWN_PIXELS = 168
QUALITY = 60
"""Of WebP: an image takes about 4 kB."""


def phantom_sheet(fold: TrainedFold, scorer: FileScorer) -> Sheet:
    """Return a sheet of synthetic phantoms."""
    radiographs = [(f"phantom {n + 1}", phantom_image(n, *PHANTOM_PIXELS)) for n in range(PHANTOMS)]
    what = "synthetic phantoms: nobody's radiograph, and unlike any that was trained on"
    return Sheet(fold.name, what, _cells(fold, radiographs, scorer))


def held_out_sheet(
    fold: TrainedFold,
    predictions: Predictions,
    rows: Mapping[str, ImageRow],
    scorer: FileScorer,
) -> Sheet:
    """Return a sheet of images of each class, evenly spread over those that were scored.

    rows: of the data manifest, by pixels_sha256.
    """
    classes = sorted({each.klass for each in predictions.examples})
    names = [name for klass in classes for name in _of_class(predictions, klass)]
    radiographs = [
        (f"{rows[name].label} ({rows[name].source})", read_radiograph(rows[name].path).pixels)
        for name in names
    ]
    return Sheet(fold.name, "held-out images", _cells(fold, radiographs, scorer))


def _of_class(predictions: Predictions, klass: str) -> list[str]:
    own = [each.pixels_sha256 for each in predictions.examples if each.klass == klass]
    return evenly_spread(own, IMAGES_OF_A_CLASS)


def _cells(
    fold: TrainedFold, radiographs: Sequence[tuple[str, GreyImage]], scorer: FileScorer
) -> tuple[SheetCell, ...]:
    model = load_network(fold.run, fold.fold, scorer.architectures)
    explained, input_view = GradCam(model), input_view_of(fold)
    cells = []
    for name, radiograph in radiographs:
        taken = input_view(radiograph)
        image = np.repeat(taken[..., np.newaxis], 3, axis=2)
        outputs = np.asarray(model(image[np.newaxis], training=False))[0]
        place = int(outputs.argmax())
        shown = _grey_levels(taken, fold)
        found = explained.map(image, place)
        says = f"{name}: {fold.record.classes[place]} {100 * outputs[place]:.0f} %"
        cells.append(SheetCell(says, _data_uri(shown), _data_uri(overlay(shown, found))))
    return tuple(cells)


def _grey_levels(taken: NDArray[np.float32], fold: TrainedFold) -> GreyImage:
    """Return what the network sees as 8-bit grey, at the size it is shown."""
    black, white = fold.record.value_range
    grey = np.clip(255 * (taken - black) / (white - black), 0, 255).astype(np.uint8)
    side = (SHOWN_PIXELS, SHOWN_PIXELS)
    return np.asarray(Image.fromarray(grey).resize(side, Image.Resampling.BICUBIC))


def _data_uri(radiograph: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(radiograph).save(file, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
