"""One run: from folders to weights, figures and a record of both."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.lung_field import LungFieldSpec, lung_box
from screening.imaging.network_input.preprocess import InputSpec
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.lung_field import LungFieldFinder
from training.errors import DataError, TrainingError
from training.inputs.decoded_images import load_images
from training.lung_field.fit import LungFieldFit, fit_lung_field
from training.lung_field.measure import (
    Agreement,
    agreement,
    coverage,
    dice,
    overlap,
    read_drawn_boxes,
)
from training.lung_field.pairs import (
    MaskedImage,
    data_digest,
    find_masked_images,
    held_out_groups,
    read_masks,
    split_groups,
)
from training.networks.lung_field import RECORD, WEIGHTS
from training.runs.checkpoint import save_network
from training.runs.provenance import code_revision, library_versions
from training.runs.request import RunReport

BOXES = "boxes.csv"
HELD_OUT_SHARE = 1 / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LungFieldRequest:
    """One call of the command."""

    images: Path
    """See `find_masked_images`."""
    masks: Path
    """See `find_masked_images`."""
    out: Path
    """The run's folder."""
    epochs: int = 60
    """Passes over the images."""
    seed: int = 0
    resume: bool = False
    spec: LungFieldSpec = field(default_factory=LungFieldSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class LungFieldFigures:
    """What a trained network reached on images of split groups that it was not trained on.

    dice: with the masks. box_overlap: of the box without its margin with the one drawn by hand;
    box_coverage: what share of the drawn box is within the margin. refused: images with a drawn
    box that has no plausible lung field; they count with 0.
    """

    dice: Agreement
    box_overlap: Agreement | None
    box_coverage: Agreement | None
    refused: int


def train_lung_field(request: LungFieldRequest, report: RunReport) -> LungFieldFigures:
    """Train into `request.out`: weights.npz, lung-field.json, checkpoint.npz.

    Raises TrainingError (DataError where it is the data), each naming the file and the remedy.
    """
    pairs = find_masked_images(request.images, request.masks)
    held_out = held_out_groups([p.split_group for p in pairs], request.seed, HELD_OUT_SHARE)
    tested = np.array([pair.split_group in held_out for pair in pairs])
    report.say(
        f"{len(pairs)} images with masks: {int((~tested).sum())} to train on, "
        f"{int(tested.sum())} held out, in {len(held_out)} split groups"
    )
    images, masks = _read(pairs, request.spec, report)
    model = _fitted(request, images[~tested], masks[~tested], data_digest(pairs), report)
    save_network(request.out / WEIGHTS, model)
    trained = {pair.split_group for pair in pairs} - held_out
    figures = measured(model, request, (images[tested], masks[tested]), trained)
    _write_record(request, pairs, int(tested.sum()), figures)
    return figures


def _read(
    pairs: Sequence[MaskedImage], spec: LungFieldSpec, report: RunReport
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    masks = read_masks(pairs, spec)
    report.begin("reading images", len(pairs))
    grey = load_images(
        [pair.image for pair in pairs],
        InputSpec(spec.height, spec.width),
        exact=False,
        on_decoded=report.advance,
    )
    return grey.astype(np.uint8), masks


def _fitted(
    request: LungFieldRequest,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    digest: str,
    report: RunReport,
) -> keras.Model:
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"cannot make {request.out}: {error.strerror}; name another --out"
        ) from error
    report.begin("training", request.epochs * len(images))
    return fit_lung_field(
        images,
        masks,
        request.spec,
        request.out,
        LungFieldFit(
            epochs=request.epochs,
            seed=request.seed,
            identity=_identity(request, digest),
            resume=request.resume,
            on_step=report.advance,
            on_epoch=lambda epoch, loss: report.say(f"epoch {epoch}: loss {loss:.4f}"),
        ),
    )


def _identity(request: LungFieldRequest, digest: str) -> str:
    """Return the identity of a checkpoint from which training may continue."""
    size = (request.spec.height, request.spec.width)
    content = [size, request.epochs, request.seed, digest]
    return f"lung-field {hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]}"


def measured(
    model: keras.Model,
    request: LungFieldRequest,
    held_out: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    trained_groups: set[str],
) -> LungFieldFigures:
    """Return the figures on images and masks held out, and on drawn boxes of other groups."""
    finder = LungFieldFinder(model, request.spec)
    images, masks = held_out
    found = finder.probabilities(list(images)) > request.spec.threshold
    areas = agreement([dice(f, e > _HALF) for f, e in zip(found, masks, strict=True)])
    if areas is None:
        raise DataError("expected images that are held out, found none; add masks")
    overlaps, coverages, refused = _box_figures(finder, request, trained_groups)
    return LungFieldFigures(
        dice=areas,
        box_overlap=agreement(overlaps),
        box_coverage=agreement(coverages),
        refused=refused,
    )


_HALF = 127


def _box_figures(
    finder: LungFieldFinder, request: LungFieldRequest, trained_groups: set[str]
) -> tuple[list[float], list[float], int]:
    """Return overlap and coverage of each drawn box, and how many images are refused."""
    table = request.masks / BOXES
    if not table.is_file():
        return [], [], 0
    groups = split_groups(request.images)
    overlaps, coverages, refused = [], [], 0
    tight = replace(request.spec, margin=0.0)
    for path, drawn in read_drawn_boxes(table, request.images).items():
        name = path.relative_to(request.images).as_posix()
        if groups.get(name, path.stem) in trained_groups:
            continue
        image = read_radiograph(path).pixels
        box = finder.box(image)
        around = lung_box(finder.probabilities([image])[0], tight)
        refused += box is None
        overlaps.append(overlap(around, drawn) if around else 0.0)
        coverages.append(coverage(box, drawn) if box else 0.0)
    return overlaps, coverages, refused


def _write_record(
    request: LungFieldRequest,
    pairs: Sequence[MaskedImage],
    held_out: int,
    figures: LungFieldFigures,
) -> None:
    record: Mapping[str, object] = {
        "spec": asdict(request.spec),
        "figures": asdict(figures),
        "images": {"trained": len(pairs) - held_out, "held_out": held_out},
        "data_digest": data_digest(pairs),
        "seed": request.seed,
        "epochs": request.epochs,
        "preprocessing_fingerprint": fingerprint(),
        "code": code_revision(),
        "libraries": library_versions(),
    }
    path = request.out / RECORD
    try:
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; make room") from error
