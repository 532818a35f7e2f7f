"""manifest.json: what a bundle is, and the checksum of every other file in it."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from screening.bundles.parts import (
    ON_DISK_NAMES,
    ArraysFile,
    BundleFile,
    BundleWord,
    LungField,
    OutlierCheckSection,
    Part,
    PlainName,
)
from screening.domain.scores import CLASS_OF_MEMBER_CLASS, Class
from screening.domain.triage import Priority, TriageRule
from screening.errors import BundleError
from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import View
from screening.imaging.network_input.preprocess import InputSpec

MANIFEST_NAME = "manifest.json"

_LATER_FIELDS = (
    ("input", "view", View.WHOLE),
    ("input", "contrast", Contrast.AS_RENDERED),
    ("input", "detail_pixels", None),
    ("", "inner", None),
    ("", "against_normal", 0.0),
)
"""A member's part, the field, and the value that older manifests do not write."""
_ERRORS_SHOWN = 5
_LONGEST_VALUE_SHOWN = 100
_SUM_TOLERANCE = 1e-3

Probability = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[int, Field(ge=32, le=4096)]


class NetworkInput(Part):
    """What a member's network takes: size in pixels, values of black and white, input view."""

    height: Pixels
    width: Pixels
    value_range: tuple[float, float]
    view: View = View.WHOLE
    contrast: Contrast = Contrast.AS_RENDERED
    detail_pixels: Annotated[int, Field(ge=16, le=4096)] | None = None
    """Height and width that the view is reduced to before it is enlarged to the input."""

    @property
    def spec(self) -> InputSpec:
        """What `preprocess` takes of it; the view is cropped before."""
        return InputSpec(
            self.height, self.width, self.value_range, self.contrast, self.detail_pixels
        )

    @field_validator("value_range")
    @classmethod
    def _ascending(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("expected the value of black below the value of white")
        return value


class Member(Part):
    """One network of the ensemble."""

    name: PlainName
    architecture: PlainName
    classes: tuple[str, ...]
    """In the order of the network's outputs; keys of `CLASS_OF_MEMBER_CLASS`."""
    input: NetworkInput
    weights: Annotated[tuple[ArraysFile, ...], Field(min_length=1)]
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Share in the weighted mean; the shares need not add up to 1."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    mirrored: bool = False
    """Test-time augmentation: whether mirror images are scored, too, and the mean counts."""
    inner: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    """Test-time augmentation: whether the middle, this fraction of height and width, enlarged, is
    scored, too, and the mean counts."""
    against_normal: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much of the logarithm of normal's probability is taken from that of COVID-19's, see
    `screening.networks.against_normal`."""

    @property
    def weights_sha256(self) -> str:
        """One digest for all weight files: the SHA-256 of their digests in order."""
        return hashlib.sha256("".join(file.sha256 for file in self.weights).encode()).hexdigest()

    @field_validator("classes")
    @classmethod
    def _cover_the_ensemble(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in CLASS_OF_MEMBER_CLASS]
        if unknown or len(set(value)) != len(value):
            raise ValueError(f"expected each at most once of {', '.join(CLASS_OF_MEMBER_CLASS)}")
        if {CLASS_OF_MEMBER_CLASS[name] for name in value} != set(Class):
            raise ValueError(f"expected classes that cover {', '.join(Class)}")
        return value


class ManifestRule(Part):
    """One line of the triage table."""

    priority: Priority
    klass: Class
    at_least: Probability


class Golden(BundleFile):
    """An 8-bit grey PNG and the probabilities each member must give it."""

    member_scores: Mapping[str, tuple[Probability, ...]]
    """By member name, in the order of its classes, before calibration."""
    tolerance: Annotated[float, Field(gt=0, le=0.1)]
    """Largest accepted difference of one probability; of a trained bundle `SCORE_TOLERANCE` is,
    where this is more."""

    @field_validator("file")
    @classmethod
    def _is_a_png(cls, value: str) -> str:
        if not value.endswith(".png"):
            raise ValueError("expected a .png file")
        return value


class Manifest(Part):
    """The content of manifest.json."""

    schema_version: Literal[1]
    name: BundleWord
    version: BundleWord
    trained: bool
    """False: random weights for demonstration; everything it touches says UNTRAINED."""
    created_at: datetime | None = None
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    triage_rules: Annotated[tuple[ManifestRule, ...], Field(min_length=1)]
    preprocessing_fingerprint: Annotated[str, StringConstraints(min_length=1)]
    golden: Annotated[tuple[Golden, ...], Field(min_length=1)]
    outlier_check: OutlierCheckSection | None = None
    """None: images are refused by size and contrast alone."""
    lung_field: LungField | None = None
    """None: members take whole images, and none is refused for want of lungs."""
    provenance: Mapping[str, Any] = Field(default_factory=dict)
    """Of training: data digest, protocol, seeds, metrics."""
    limits_of_use: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[TriageRule, ...]:
        """The triage table in the domain's terms."""
        return tuple(TriageRule(r.priority, r.klass, r.at_least) for r in self.triage_rules)

    @property
    def combination_weights(self) -> tuple[float, ...]:
        """Each member's share in the weighted mean, in the order of the members."""
        return tuple(member.weight for member in self.members)

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """Every file of the bundle but the manifest."""
        weights = [file for member in self.members for file in member.weights]
        checked = self.outlier_check.files if self.outlier_check else ()
        lung_field = self.lung_field.weights if self.lung_field else ()
        return (*weights, *self.golden, *checked, *lung_field)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("members with names", [member.name for member in self.members]),
            ("files with names", [file.file for file in self.files]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"expected {what} of their own, found one twice")
        return self

    @model_validator(mode="after")
    def _outlier_check_names_a_member(self) -> Self:
        names = [member.name for member in self.members]
        if self.outlier_check and self.outlier_check.member not in names:
            section, found = ON_DISK_NAMES["outlier_check"], self.outlier_check.member
            raise ValueError(
                f"{section}: expected one of the members {', '.join(names)}, found {found}"
            )
        return self

    @model_validator(mode="after")
    def _lung_field_is_there(self) -> Self:
        for member in self.members:
            if member.input.view is View.LUNG_FIELD and not self.lung_field:
                raise ValueError(
                    f"member {member.name}: expected a section lung_field for its view, found none"
                )
        return self

    @model_validator(mode="after")
    def _golden_scores_fit_the_members(self) -> Self:
        classes = {member.name: member.classes for member in self.members}
        for golden in self.golden:
            if golden.member_scores.keys() != classes.keys():
                raise ValueError(f"golden {golden.file}: expected scores of {', '.join(classes)}")
            for name, scores in golden.member_scores.items():
                if len(scores) != len(classes[name]) or not _adds_up_to_one(scores):
                    raise ValueError(
                        f"golden {golden.file}: expected {len(classes[name])} probabilities of "
                        f"{name} adding up to 1"
                    )
        return self


def read_manifest_bytes(directory: Path) -> bytes:
    """Return the bytes of `directory`/manifest.json, or raise BundleError."""
    path = directory / MANIFEST_NAME
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            return stream.read()
    except OSError as error:
        raise BundleError(
            f"{path}: expected a bundle's manifest, found none that can be read "
            f"({error.strerror}); name the bundle's own directory"
        ) from error


def parse_manifest(content: bytes, directory: Path) -> Manifest:
    """Check the bytes of the manifest of `directory`.

    Raises BundleError with the path, the field and what was expected there.
    """
    try:
        return Manifest.model_validate_json(content, by_alias=True, by_name=False)
    except ValidationError as error:
        fields = "; ".join(_in_words(detail) for detail in error.errors()[:_ERRORS_SHOWN])
        raise BundleError(
            f"{directory / MANIFEST_NAME}: {fields}. "
            "Correct the manifest, or get the bundle from its source again"
        ) from error


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the file content of a manifest; the same manifest gives the same bytes."""
    content = manifest.model_dump(mode="json", by_alias=True)
    # Versions that do not know a section or a member's field read a bundle that has none.
    for section in (ON_DISK_NAMES["outlier_check"], "lung_field"):
        if content[section] is None:
            del content[section]
    for member in content["members"]:
        for part, name, usual in _LATER_FIELDS:
            fields = member[part] if part else member
            if fields[name] == usual:
                del fields[name]
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _adds_up_to_one(scores: Sequence[float]) -> bool:
    return math.isclose(sum(scores), 1, abs_tol=_SUM_TOLERANCE)


def _in_words(detail: Mapping[str, Any]) -> str:
    field = ".".join(str(step) for step in detail["loc"]) or "manifest"
    found = detail["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | None) else ""
    return f"{field}: {detail['msg']}{shown if len(shown) <= _LONGEST_VALUE_SHOWN else ''}"
