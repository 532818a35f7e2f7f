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


class _Reference(Part):
    bundle_digest: Sha256
    sources: Annotated[tuple[_Source, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _have_features_of_one_network(self) -> Self:
        if len({len(source.feature_means) for source in self.sources if source.feature_means}) > 1:
            raise ValueError("expected as many feature_means of each source")
        return self


def read_reference(bundle: Bundle) -> tuple[SourceReference, ...]:
    """Return the distributions of a bundle's known images, none where nobody has measured them.

    Raises BundleError where the file is anything else, or another bundle's.
    """
    path = bundle.directory / REFERENCE_NAME
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
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
    return tuple(
        SourceReference(source.name, source.images, source.quantiles, source.feature_means)
        for source in found.sources
    )


def write_reference(bundle: Bundle, sources: tuple[SourceReference, ...]) -> Path:
    """Write the distributions beside a bundle's manifest, whole or not at all. Raises OSError."""
    content = _Reference(
        bundle_digest=bundle.digest,
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
    write_whole(path, f"{content.model_dump_json(indent=1)}\n".encode(), sole_writer=True)
    return path


def _unusable(path: Path, found: str) -> BundleError:
    return BundleError(
        f"{path}: expected what images that the bundle knows look like, found {found}; get the "
        "file from the bundle's source again, or remove it"
    )
