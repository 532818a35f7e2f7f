"""What the members see of a picture: the whole of it, or the crop around its lungs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from screening.bundles.parts import LungField
from screening.domain.eligibility import Reason, Refusal
from screening.imaging.lung_field import Box, NoLungField, View, crop
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights


@dataclass(frozen=True, slots=True)
class PictureViews:
    """A picture as members may see it.

    pixels: (rows, columns) uint8 of each view; the crop is the whole picture where no lung field is
    looked for or none is plausible. box: where the crop lies in the picture. refusal: why there is
    no plausible lung field.
    """

    pixels: Mapping[View, NDArray[np.uint8]]
    box: Box | None = None
    refusal: Refusal | None = None


class PictureViewer:
    """Makes the views of pictures; safe in any thread."""

    def __init__(self, finder: LungFieldFinder | None = None) -> None:
        """Take what finds the lungs; None where members see whole pictures alone."""
        self._finder = finder

    @classmethod
    def load(cls, section: LungField | None, directory: Path) -> Self:
        """Build the lung field network and load its weights from the bundle's directory.

        section: of the manifest. Raises BundleError where the weights do not fit.
        """
        if section is None:
            return cls()
        model = build_lung_field(section.height, section.width)
        load_weights(model, [directory / file.file for file in section.weights])
        return cls(LungFieldFinder(model, section.spec))

    def views(self, picture: NDArray[np.uint8]) -> PictureViews:
        """Return the views of a (rows, columns) uint8 picture, 0 = black, MONOCHROME2 sense."""
        whole = {View.WHOLE: picture, View.LUNG_FIELD: picture}
        if self._finder is None:
            return PictureViews(whole)
        (found,) = self._finder.find([picture])
        if isinstance(found, NoLungField):
            return PictureViews(whole, refusal=Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, found.found))
        return PictureViews({**whole, View.LUNG_FIELD: crop(picture, found)}, box=found)
