"""What the sections of a manifest are made of, and those on lung field and outlier check."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from screening.imaging.network_input.lung_field import LungFieldSpec

ARRAYS_SUFFIX = ".npz"
"""Of weights and statistics: plain arrays, the one form that is read without running code."""

PlainName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""Letters, digits, dot, dash and underscore: safe as a file name and in a report."""
BundleWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,56}$")]
"""A plain name that is whole in a column and, behind "bundle ", in a report's 64 characters."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


ON_DISK_NAMES: Mapping[str, str] = {
    "klass": "class",
    "outlier_check": "picture_check",
}
"""The manifest's key where it is not the field's name: a reserved word, or the key under which
bundles were released."""


class Part(BaseModel):
    """A section: unchangeable, and refused where it holds what this version does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        alias_generator=lambda name: ON_DISK_NAMES.get(name, name),
        validate_by_name=True,
        validate_by_alias=True,
    )


class BundleFile(Part):
    """A file beside the manifest."""

    file: PlainName
    sha256: Sha256
    bytes: Annotated[int, Field(gt=0)]


def _arrays(file: BundleFile) -> BundleFile:
    if not file.file.endswith(ARRAYS_SUFFIX):
        raise ValueError(f"expected a {ARRAYS_SUFFIX} file of plain arrays")
    return file


ArraysFile = Annotated[BundleFile, AfterValidator(_arrays)]


class LungField(Part):
    """The network that finds the lungs, and what is no lung field; see `LungFieldSpec`."""

    height: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    width: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    margin: Annotated[float, Field(ge=0, le=1)]
    least_area: Annotated[float, Field(gt=0, lt=1)]
    least_certainty: Annotated[float, Field(ge=0, le=1)]
    most_between: Annotated[float, Field(ge=0, le=1)]
    weights: Annotated[tuple[ArraysFile, ...], Field(min_length=1)]

    @property
    def spec(self) -> LungFieldSpec:
        """The same without the files."""
        return LungFieldSpec(**self.model_dump(exclude={"weights"}))


class OutlierCheckMethod(StrEnum):
    """How far an image is from those that the ensemble was trained on."""

    MAHALANOBIS = "mahalanobis"
    """See `screening.ensemble.feature_statistics`."""


class Discriminant(Part):
    """Refuses images that lie beyond a plane; see `screening.ensemble.feature_discriminant`."""

    threshold: float
    """Highest outlier score accepted: about -1 for upright radiographs, about 1 for all else."""
    plane: ArraysFile


class OutlierCheckSection(Part):
    """Refuses images whose features are further than `threshold` from those of known images."""

    member: PlainName
    layer: PlainName
    """Of the member's network; a feature map counts by its means over height and width."""
    method: OutlierCheckMethod
    threshold: Annotated[float, Field(gt=0)]
    statistics: ArraysFile
    """Of the known images' features."""
    discriminant: Discriminant | None = None
    """Of the same features; None: the distance decides alone."""

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """What the check reads."""
        plane = (self.discriminant.plane,) if self.discriminant else ()
        return (self.statistics, *plane)
