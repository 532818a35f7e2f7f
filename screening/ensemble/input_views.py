"""Input views: what each member takes of an image, the whole of it or the crop around the lungs.

Importing this module loads TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.parts import LungField
from screening.domain.eligibility import Reason, Refusal
from screening.imaging.network_input.lung_field import Box, NoLungField, View, crop
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights


@dataclass(frozen=True, slots=True)
class InputViews:
    """The views of one image, and what was found of its lung field."""

    pixels: Mapping[View, NDArray[np.uint8]]
    """(rows, columns) of each view; the crop is the whole image where the bundle looks for no lung
    field or none is plausible."""
    box: Box | None = None
    """Where the crop lies in the image; None where it is the whole image."""
    refusal: Refusal | None = None
    """Why there is no plausible lung field."""


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """One radiograph as each member takes it."""

    arrays: tuple[NDArray[np.float32], ...]
    """In the order of the members: (height, width, 3), in the member's value range."""
    box: Box | None = None
    """Where the lung field lies in the image; None where the bundle looks for none."""
    refusal: Refusal | None = None
    """Why there is no plausible lung field; the arrays then show the whole image."""
    as_rendered: tuple[NDArray[np.float32], ...] = ()
    """The same without the site's grey-level curve; empty where there is none."""

    @property
    def unadapted(self) -> tuple[NDArray[np.float32], ...]:
        """What outlier check and drift look at, which must see the images as they come."""
        return self.as_rendered or self.arrays


def load_lung_field(section: LungField, directory: Path) -> keras.Model:
    """Build a bundle's lung field network and load its weights from the bundle's directory.

    Raises BundleError where the weights do not fit.
    """
    model = build_lung_field(section.height, section.width)
    load_weights(model, [directory / file.file for file in section.weights])
    return model


class ViewExtractor:
    """Extracts the input views of images; safe in any thread."""

    def __init__(self, finder: LungFieldFinder | None = None) -> None:
        """Take what finds the lungs; None where members take whole images alone."""
        self._finder = finder

    @classmethod
    def load(cls, section: LungField | None, directory: Path) -> Self:
        """Build the lung field network and load its weights from the bundle's directory.

        section: of the manifest. Raises BundleError where the weights do not fit.
        """
        if section is None:
            return cls()
        return cls(LungFieldFinder(load_lung_field(section, directory), section.spec))

    def views(self, image: NDArray[np.uint8]) -> InputViews:
        """Return the views of a (rows, columns) uint8 image, 0 = black, MONOCHROME2 sense."""
        whole = {View.WHOLE: image, View.LUNG_FIELD: image}
        if self._finder is None:
            return InputViews(whole)
        (found,) = self._finder.find([image])
        if isinstance(found, NoLungField):
            return InputViews(whole, refusal=Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, found.found))
        return InputViews({**whole, View.LUNG_FIELD: crop(image, found)}, box=found)
