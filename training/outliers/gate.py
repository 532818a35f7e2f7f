"""What a bundle's picture checks say of pictures, in the order in which the stations ask them."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from screening.bundles.registry import Bundle
from screening.domain.eligibility import EligibilityRules, Reason, Refusal, screen_header
from screening.ensemble.outlier_check import OutlierCheck
from screening.errors import RejectedInstanceError
from screening.imaging.header import read_header
from screening.imaging.image_check import image_refusal
from screening.imaging.lung_field import NoLungField
from screening.networks.lung_field import LungFieldFinder
from training.data.radiograph_file import PICTURE_SUFFIXES, read_radiograph
from training.inference.bundle_members import bundle_lung_field, load_members
from training.inference.features import feature_network
from training.inference.score_files import Answering
from training.inputs.input_view import SeenAs
from training.outliers.outlier_images import Picture

PASSED = "passed"
UNREADABLE = "unreadable"
"""The stations record it as failed: it is not scored either."""


class PictureGate:
    """A bundle's gate for pictures and files."""

    def __init__(self, bundle: Bundle, answering: Answering) -> None:
        """Load what the gate needs of a bundle."""
        self._answering = answering
        self._finder: LungFieldFinder | None = bundle_lung_field(bundle)
        self._check: tuple[OutlierCheck, keras.Model, SeenAs] | None = None
        section = bundle.manifest.outlier_check
        if section:
            (checked,) = (
                each
                for each in load_members(bundle, answering)
                if each.member.name == section.member
            )
            network = feature_network(checked.model, section.layer)
            self._check = OutlierCheck(section, bundle.directory), network, checked.seen_as

    def of_pictures(self, pictures: Sequence[Picture]) -> list[Refusal | None]:
        """Return why each rendered picture is refused, None where it may be scored."""
        refusals = [image_refusal(picture) or self._no_lungs(picture) for picture in pictures]
        left = [place for place, refusal in enumerate(refusals) if refusal is None]
        if not self._check or not left:
            return refusals
        distance, network, seen_as = self._check
        asked = [pictures[place] for place in left]
        features = self._answering.outputs_of(network, seen_as, asked)
        for place, refusal in zip(left, distance.refusals(features), strict=True):
            refusals[place] = refusal
        return refusals

    def of_file(self, path: Path, rules: EligibilityRules) -> str:
        """Return what becomes of one file: a reason, "unreadable", or "passed"."""
        try:
            if path.suffix.lower() not in PICTURE_SUFFIXES:
                refusal = screen_header(read_header(path).instance, rules)
                if refusal:
                    return refusal.reason.value
            (refusal,) = self.of_pictures([read_radiograph(path)])
        except (RejectedInstanceError, OSError):
            return UNREADABLE
        return refusal.reason.value if refusal else PASSED

    def _no_lungs(self, picture: Picture) -> Refusal | None:
        if self._finder is None:
            return None
        (found,) = self._finder.find([np.ascontiguousarray(picture)])
        if isinstance(found, NoLungField):
            return Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, found.found)
        return None
