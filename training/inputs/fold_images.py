"""The decoded images of a run's folds, and the batches that are made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.manifest import ABNORMAL, ImageRow
from training.inputs.batches import BatchOptions, Draw, Drawn, RadiographBatches
from training.inputs.crop_pack import CropPack
from training.inputs.hospital_pairs import HospitalPairs
from training.inputs.input_view import input_spec, region_of_view
from training.inputs.sampling import balanced_chances
from training.protocols.composition import Composition
from training.protocols.plan import FoldPlan
from training.protocols.protocol import Protocol
from training.runs.request import RunReport, RunRequest


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Decoded images and the rows of the composition that they are of."""

    images: NDArray[Any]
    rows: tuple[int, ...]

    def places(self, rows: Sequence[int]) -> list[int]:
        """Return where the images of some rows are."""
        place = {row: n for n, row in enumerate(self.rows)}
        return [place[row] for row in rows]


@dataclass(frozen=True, slots=True)
class DecodedImages:
    """learning: for training, in whole grey levels if they are augmented. watched: exact."""

    learning: ImageSet
    watched: ImageSet


def decode_images(
    protocol: Protocol,
    request: RunRequest,
    drawn: Composition,
    plans: Sequence[FoldPlan],
    report: RunReport,
) -> DecodedImages:
    """Decode everything that some fold uses, once; raises DataError naming unreadable files."""
    learning = sorted({row for plan in plans for row in plan.training})
    watched = sorted({row for plan in plans for row in (*plan.watched, *plan.monitored)})
    report.begin("decoding", len(learning) + len(watched))
    return DecodedImages(
        learning=_decoded(protocol, request, drawn, learning, report, exact=not protocol.augments),
        watched=_decoded(protocol, request, drawn, watched, report, exact=True),
    )


def _decoded(
    protocol: Protocol,
    request: RunRequest,
    drawn: Composition,
    rows: Sequence[int],
    report: RunReport,
    *,
    exact: bool,
) -> ImageSet:
    spec = input_spec(protocol)
    chosen = [drawn.rows[row] for row in rows]
    if request.pack:
        crops = CropPack(request.pack).images(
            [row.pixels_sha256 for row in chosen],
            spec,
            exact=exact,
            workers=request.workers,
            on_decoded=report.advance,
        )
        return ImageSet(crops, tuple(rows))
    from training.inputs.decoded_images import load_images  # noqa: PLC0415  a pack needs no DICOM decoder

    images = load_images(
        [row.path for row in chosen],
        spec,
        exact=exact,
        seen=region_of_view(protocol.view, request.lung_field),
        workers=request.workers,
        cache_dir=request.cache_dir,
        on_decoded=report.advance,
    )
    return ImageSet(images, tuple(rows))


def batches_of(
    protocol: Protocol,
    drawn: Composition,
    decoded: ImageSet,
    rows: Sequence[int],
    *,
    targets: NDArray[np.float32],
    seed: int,
    learning: bool,
) -> RadiographBatches:
    """Return batches of some rows; targets: of all decoded images, in their order.

    learning: changed, shuffled or drawn as the protocol says, and not as they are.
    """
    places = decoded.places(rows)
    return RadiographBatches(
        decoded.images,
        targets,
        input_spec(protocol),
        BatchOptions(
            batch_size=protocol.batch_size,
            rows=places,
            keys=decoded.rows,
            augment=protocol.augment(decoded.images[places]) if learning else None,
            shuffle=learning,
            drawn=_draw(protocol, drawn, rows) if learning else None,
            seed=seed,
        ),
    )


def allowed_targets(
    protocol: Protocol, drawn: Composition, decoded: ImageSet
) -> NDArray[np.float32]:
    """Return which outputs each image's class allows, (images, outputs)."""
    classes = [protocol.strata[drawn.strata[row]].klass for row in decoded.rows]
    outputs = protocol.classes[: protocol.outputs]
    allowed = [protocol.allowed(klass or "") for klass in classes]
    targets = np.array([[output in names for output in outputs] for names in allowed])
    return targets.astype(np.float32).reshape(len(classes), len(outputs))


def _draw(protocol: Protocol, drawn: Composition, rows: Sequence[int]) -> Draw | None:
    if protocol.draw is None:
        return None
    strata = [drawn.strata[row] for row in rows]
    chosen = [drawn.rows[row] for row in rows]
    shares = [stratum.share for stratum in protocol.strata]
    images = protocol.draw.images_per_epoch
    if not protocol.draw.hospital_pairs:
        chances = balanced_chances(strata, [row.source for row in chosen], shares)
        return Drawn(chances, images)
    hospitals = [row.hospital for row in chosen]
    chances = balanced_chances(strata, hospitals, shares)
    return HospitalPairs(chances, hospitals, [_shown_class(row) for row in chosen], images)


def _shown_class(row: ImageRow) -> str:
    """Return the class that pairs differ in: one of the three, or abnormal."""
    return row.screening_class or ABNORMAL
