"""Heat-maps of a bundle's networks: Grad-CAM of each member and class.

A member's score is the mean over its views of an image (test-time augmentation). So is its map:
each view's map is put back to where the view lies, and the mean counts.
Importing this module loads Keras; the first map loads TensorFlow, whose gradients it takes.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import Member
from screening.domain.heat_map import HOTTEST, HeatMap
from screening.ensemble.device import memory_for
from screening.ensemble.input_views import PreparedInput
from screening.errors import BundleError, NoFeatureMapError, SettingsError
from screening.imaging.network_input.lung_field import Box, View
from screening.networks import test_time_augmentation

MOST_ROWS = 20
"""Rows and columns of a map that is kept, at most: twice those of the finest feature map."""
WHOLE_IMAGE = Box(0.0, 0.0, 1.0, 1.0)
Map = NDArray[np.float32]


class MemberHeatMaps:
    """Makes one member's heat-maps."""

    def __init__(self, member: Member, network: keras.Model) -> None:
        """Cut the network at its last feature map.

        network: without test-time augmentation. Raises NoFeatureMapError where it has none, and
        SettingsError where Keras runs on something that has no gradients.
        """
        if keras.backend.backend() != "tensorflow":
            raise SettingsError(
                "expected networks on TensorFlow for heat-maps, found them on "
                f"{keras.backend.backend()}; set SCREENING_RUNTIME=tensorflow"
            )
        # It loads TensorFlow, without which a worker on OpenVINO saves memory.
        from screening.networks.grad_cam import GradCam  # noqa: PLC0415

        self._member = member
        try:
            self._grad_cam = GradCam(network)
        except ValueError as error:
            raise NoFeatureMapError(f"member {member.name}: {error}") from error

    def of(self, image: NDArray[np.float32], box: Box) -> list[HeatMap]:
        """Return the map of each of the member's classes, in their order.

        image: (height, width, 3) as the network takes it. box: where it lies in the radiograph.
        Raises OutOfMemoryError, and BundleError where a number is not finite.
        """
        member = self._member
        views = test_time_augmentation.augmented_views(
            image[np.newaxis], mirrored=member.mirrored, inner=member.inner
        )
        with memory_for(f"heat-maps of member {member.name}"):
            by_class = self._grad_cam.weighted(
                np.concatenate([np.asarray(view) for view in views.values()]),
                range(len(member.classes)),
            )
        if not np.isfinite(by_class).all():
            raise BundleError(
                f"member {member.name}: expected finite heat-maps, found others; "
                "verify the bundle, then check the device"
            )
        return [
            _heat_map(member, klass, dict(zip(views, by_view, strict=True)), image.shape[:2], box)
            for klass, by_view in zip(member.classes, by_class, strict=True)
        ]


def heat_maps(
    makers: Sequence[MemberHeatMaps], members: Sequence[Member], prepared: PreparedInput
) -> list[HeatMap]:
    """Return the maps of all members of one prepared radiograph, member by member."""
    return [
        found
        for maker, member, image in zip(makers, members, prepared.arrays, strict=True)
        for found in maker.of(image, _box(member, prepared))
    ]


def _box(member: Member, prepared: PreparedInput) -> Box:
    is_crop = member.input.view is View.LUNG_FIELD
    return prepared.box if is_crop and prepared.box is not None else WHOLE_IMAGE


def _heat_map(
    member: Member, klass: str, by_view: Mapping[str, Map], size: tuple[int, ...], box: Box
) -> HeatMap:
    height, width = size
    placed = [_PLACED[view](found, height, width, member) for view, found in by_view.items()]
    rows, columns = min(MOST_ROWS, height), min(MOST_ROWS, width)
    mean = Image.fromarray(np.mean(placed, axis=0, dtype=np.float32))
    reduced = np.asarray(mean.resize((columns, rows), Image.Resampling.BOX))
    most = float(reduced.max())
    scaled = reduced * (HOTTEST / most) if most > 0 else np.zeros_like(reduced)
    cells = next(iter(by_view.values())).shape
    return HeatMap(
        member=member.name,
        klass=klass,
        rows=rows,
        columns=columns,
        values=np.rint(scaled).astype(np.uint8).tobytes(),
        box=(box.left, box.top, box.right, box.bottom),
        cells=(cells[0], cells[1]),
    )


def _own(found: Map, height: int, width: int, member: Member) -> Map:
    del member
    stretched = Image.fromarray(found).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(stretched, np.float32)


def _middle(found: Map, height: int, width: int, member: Member) -> Map:
    """Return what the enlarged middle shows, where it lies; 0 around it, which it does not show."""
    inner = member.inner or 1.0
    top, left = (round(side * (1 - inner) / 2) for side in (height, width))
    placed = np.zeros((height, width), np.float32)
    placed[top : height - top, left : width - left] = _own(
        found, height - 2 * top, width - 2 * left, member
    )
    return placed


def _mirrored(found: Map, height: int, width: int, member: Member) -> Map:
    return _own(found[:, ::-1], height, width, member)


def _mirrored_middle(found: Map, height: int, width: int, member: Member) -> Map:
    return _middle(found[:, ::-1], height, width, member)


_PLACED: Mapping[str, Callable[[Map, int, int, Member], Map]] = {
    test_time_augmentation.OWN: _own,
    test_time_augmentation.MIDDLE: _middle,
    test_time_augmentation.MIRRORED: _mirrored,
    test_time_augmentation.MIRRORED_MIDDLE: _mirrored_middle,
}
"""How each view's map is put back into the image that the views were made of."""
