"""The input view of a network in training: the same as when it serves."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import View, crop
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.networks.lung_field import LungFieldFinder
from screening.networks.scoring_form import ScoringForm
from screening.whole_files import file_sha256
from training.errors import TrainingError
from training.networks.lung_field import WEIGHTS, load_lung_field
from training.protocols.protocol import Protocol
from training.runs.folder import RunRecord


@dataclass(frozen=True, slots=True)
class LungFieldRegion:
    """The lung field of an image. name: identifies it in a cache; finder: of the lungs."""

    name: str
    finder: LungFieldFinder

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of a (rows, columns) image.

        An image without a plausible lung field, which the stations would refuse, is seen whole.
        """
        box = self.finder.box(image)
        return crop(image, box) if box else image


@dataclass(frozen=True, slots=True)
class InputView:
    """What a network's input is made of, and how: its view of a radiograph.

    part: None for the whole image.
    """

    spec: InputSpec
    part: LungFieldRegion | None = None

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return one of the equal channels, (spec.height, spec.width), of a rendered image."""
        return preprocess(self.part_of(image), self.spec)[..., 0]

    def part_of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of a (rows, columns) image that it sees."""
        return self.part.of(image) if self.part else image


def region_of_view(view: View, lung_field: Path | None) -> LungFieldRegion | None:
    """Return the region that a view shows, None for the whole image.

    lung_field: the folder of the lung-field network's run. Raises TrainingError where the view
    needs one and it has none.
    """
    if view is View.WHOLE:
        return None
    if lung_field is None:
        raise TrainingError(
            "expected the lung-field network that the run was trained with, found none; name its "
            "folder with --lung-field"
        )
    return LungFieldRegion(f"{view} {lung_field_sha256(lung_field)}", load_lung_field(lung_field))


def lung_field_sha256(run: Path) -> str:
    """Return the SHA-256 of a lung-field network's weights; raises TrainingError without any."""
    path = run / WEIGHTS
    try:
        return file_sha256(path)
    except OSError as error:
        raise TrainingError(
            f"expected the weights of a lung-field network in {path}, cannot read them "
            f"({error.strerror}); train it with `screening train lung-field`"
        ) from error


def kept_lung_field(run: Path) -> Path:
    """Return where a run keeps its copy of the lung-field network."""
    return run / "lung-field"


def keep_lung_field(lung_field: Path, run: Path) -> None:
    """Copy the lung-field network into a run, so that the run can be read alone.

    Raises TrainingError where it cannot be read or written.
    """
    kept = kept_lung_field(run)
    try:
        shutil.copytree(lung_field, kept, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise TrainingError(f"cannot copy {lung_field} to {kept}: {error}; make room") from error


def scoring_form(record: RunRecord) -> ScoringForm:
    """Return the form in which a run's network scores."""
    return ScoringForm(
        classes=record.classes,
        mirrored=record.mirrored,
        inner=record.inner,
        against_normal=record.against_normal,
    )


def input_spec(trained: Protocol | RunRecord) -> InputSpec:
    """Return the input that a protocol's, or a run's, network takes."""
    return InputSpec(
        trained.height,
        trained.width,
        trained.value_range,
        Contrast(trained.contrast),
        trained.detail_pixels,
    )
