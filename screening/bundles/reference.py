"""reference.json: what images that a bundle knows look like, measured after it was made.

It stands beside the manifest, which does not list it: it can be measured again, and is no part of
what scores. It holds the digest of its bundle, so that no other bundle's is taken for it.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from screening.bundles.parts import Part, PlainName, Sha256
from screening.bundles.registry import Bundle
from screening.domain.drift import STEPS, SourceReference
from screening.domain.image_statistics import FEATURE_COORDINATES, KNOWN_NAMES
from screening.errors import BundleError
from screening.whole_files import write_whole

REFERENCE_NAME = "reference.json"
MOST_BYTES = 1_000_000

Quantiles = Annotated[tuple[float, ...], Field(min_length=STEPS + 1, max_length=STEPS + 1)]


class _Source(Part):
    name: PlainName
    images: Annotated[int, Field(gt=0)]
    quantiles: Mapping[str, Quantiles]
    feature_means: Annotated[tuple[float, ...], Field(max_length=FEATURE_COORDINATES)] = ()

    @model_validator(mode="after")
    def _are_quantiles(self) -> Self:
        for name, values in self.quantiles.items():
            if name not in KNOWN_NAMES:
                raise ValueError(f"expected quantiles of {', '.join(KNOWN_NAMES)}, found {name}")
            if any(lower > upper for lower, upper in pairwise(values)):
                raise ValueError(f"expected ascending quantiles of {name}")
        return self


GreyLevels = Annotated[
    tuple[Annotated[float, Field(ge=0, le=255)], ...], Field(min_length=2, max_length=257)
]


class _Reference(Part):
    bundle_digest: Sha256
    training_levels: GreyLevels | None = None
    """Ascending quantiles of the training's images together, evenly spread from 0 to 1."""
    sources: Annotated[tuple[_Source, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _have_features_of_one_network(self) -> Self:
        if len({len(source.feature_means) for source in self.sources if source.feature_means}) > 1:
            raise ValueError("expected as many feature_means of each source")
        return self

    @model_validator(mode="after")
    def _levels_ascend(self) -> Self:
        if any(lower > upper for lower, upper in pairwise(self.training_levels or ())):
            raise ValueError("expected ascending training_levels")
        return self


def read_training_levels(bundle: Bundle) -> tuple[float, ...]:
    """Return the quantiles of the training's grey levels: a site's curve leads to these.

    Empty where nobody has measured them. Raises BundleError as `read_reference` does.
    """
    found = _read(bundle)
    return found.training_levels or () if found else ()


def read_reference(bundle: Bundle) -> tuple[SourceReference, ...]:
    """Return the distributions of a bundle's known images, none where nobody has measured them.

    Raises BundleError where the file is anything else, or another bundle's.
    """
    found = _read(bundle)
    return tuple(
        SourceReference(source.name, source.images, source.quantiles, source.feature_means)
        for source in (found.sources if found else ())
    )


def _read(bundle: Bundle) -> _Reference | None:
    path = bundle.directory / REFERENCE_NAME
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    if len(content) > MOST_BYTES:
        raise _unusable(path, f"more than {MOST_BYTES} bytes")
    try:
        found = _Reference.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise _unusable(path, f"{where}: {first['msg']}") from error
    if found.bundle_digest != bundle.digest:
        raise _unusable(path, f"that of bundle {found.bundle_digest[:12]}")
    return found


def write_reference(
    bundle: Bundle,
    sources: tuple[SourceReference, ...],
    training_levels: tuple[float, ...] = (),
) -> Path:
    """Write the distributions beside a bundle's manifest, whole or not at all. Raises OSError.

    training_levels: by `screening.imaging.network_input.grey_levels`; empty where not measured.
    """
    content = _Reference(
        bundle_digest=bundle.digest,
        training_levels=training_levels or None,
        sources=tuple(
            _Source(
                name=each.name,
                images=each.images,
                quantiles=each.quantiles,
                feature_means=each.feature_means,
            )
            for each in sources
        ),
    )
    path = bundle.directory / REFERENCE_NAME
    text = content.model_dump_json(indent=1, exclude_none=True)
    write_whole(path, f"{text}\n".encode(), sole_writer=True)
    return path


def _unusable(path: Path, found: str) -> BundleError:
    return BundleError(
        f"{path}: expected what images that the bundle knows look like, found {found}; get the "
        "file from the bundle's source again, or remove it"
    )
