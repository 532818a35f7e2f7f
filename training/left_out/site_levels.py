"""What a site's grey-level curve brings at hospitals that a bundle never saw.

As `screening site calibrate --levels` does it: some images of a hospital, without labels and in
their natural mix, give one curve for all its images. Every image is scored by the bundle's ensemble
with the curve and without it, those that gave the curve among them, since no label was used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.domain.grey_curve import GreyCurve
from screening.domain.scores import Class
from screening.ensemble.ensemble import Ensemble
from screening.imaging.network_input.grey_levels import grey_curve
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.data.manifest import ImageRow
from training.inference.bundle_inference import in_batches
from training.left_out.figures import LeftOutFigures, left_out_figures
from training.left_out.scores import Floats, scores_of_rows
from training.left_out.tables import left_out_json

SEED = 15
HOW = (
    "Unlabelled images of each hospital, in their natural mix, give its grey-level curve; all its "
    "images are scored with the curve and without it, and with the bundle's thresholds."
)


@dataclass(frozen=True, slots=True)
class SiteLevels:
    """The table without curves and with them. images: that each hospital's curve is drawn from."""

    as_rendered: LeftOutFigures
    with_curve: LeftOutFigures
    images: Mapping[str, int]


def measure_site_levels(
    ensemble: Ensemble, rows: Sequence[ImageRow], training_levels: Sequence[float], *, most: int
) -> SiteLevels:
    """Return the figures of hospitals that a bundle never saw, without and with their curves.

    rows: images of these. most: images of a hospital that its curve is drawn from. Images that the
    bundle would refuse are scored, too. Raises RejectedInstanceError where a file holds no usable
    image.
    """
    curves, images = {}, {}
    for hospital in sorted({row.hospital for row in rows}):
        own = [row for row in rows if row.hospital == hospital]
        drawn = _drawn(own, most)
        curves[hospital] = site_curve(ensemble, drawn, training_levels)
        images[hospital] = len(drawn)
    before, after = scores_without_and_with(ensemble, rows, curves)
    rules = ensemble.bundle.manifest.rules
    return SiteLevels(
        left_out_figures([scores_of_rows(rows, before, rules)]),
        left_out_figures([scores_of_rows(rows, after, rules)]),
        images,
    )


def site_curve(
    ensemble: Ensemble, rows: Sequence[ImageRow], training_levels: Sequence[float]
) -> GreyCurve:
    """Return the curve that the images of one hospital give, one or more."""
    prepared = (ensemble.prepare(read_radiograph(row.path).pixels) for row in rows)
    return grey_curve([ensemble.level_quantiles(one) for one in prepared], training_levels)


def site_levels_json(found: SiteLevels) -> dict[str, Any]:
    """Return plain values, as `left_out_json` does."""
    return {
        "how": HOW,
        "images_of_a_curve": dict(found.images),
        "as_rendered": left_out_json(found.as_rendered),
        "with_curve": left_out_json(found.with_curve),
    }


def _drawn(rows: Sequence[ImageRow], most: int) -> list[ImageRow]:
    places = np.random.default_rng(SEED).permutation(len(rows))[:most]
    return [rows[place] for place in sorted(places.tolist())]


def scores_without_and_with(
    ensemble: Ensemble, rows: Sequence[ImageRow], curves: Mapping[str, GreyCurve]
) -> tuple[Floats, Floats]:
    """Return the scores of images as rendered, and with their hospital's curve, (images, 3) each.

    curves: by hospital. Classes are in the order of `Class`.
    """
    before: list[list[float]] = []
    after: list[list[float]] = []
    for some in in_batches(rows):
        views = [ensemble.views(read_radiograph(row.path).pixels) for row in some]
        plain = [ensemble.prepare_views(one) for one in views]
        adapted = [
            ensemble.prepare_views(one, curves[row.hospital])
            for one, row in zip(views, some, strict=True)
        ]
        for found, prepared in ((before, plain), (after, adapted)):
            found += [
                [inferred.scores.ensemble.of(klass) for klass in Class]
                for inferred in ensemble.infer(prepared)
            ]
    return _floats(before), _floats(after)


def _floats(values: list[list[float]]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)
