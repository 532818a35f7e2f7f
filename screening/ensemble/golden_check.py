"""Compares what a bundle's golden images give with what its manifest says they must."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import Golden
from screening.bundles.registry import Bundle
from screening.domain.eligibility import Refusal
from screening.domain.scores import SCORE_TOLERANCE, MemberScores
from screening.errors import BundleError


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Return the image of an 8-bit grey PNG; raises BundleError where it is none."""
    try:
        with Image.open(path) as image:
            if image.mode == "L":
                return np.asarray(image)
            found = f"an image of mode {image.mode}"
    except OSError as error:
        found = str(error)
    raise BundleError(
        f"{path}: expected an 8-bit grey PNG, found {found}; get the bundle from its source again"
    )


def no_lung_field(bundle: Bundle, golden: Golden, refusal: Refusal) -> BundleError:
    """Return the error for a golden image in which no lung field is found."""
    return BundleError(
        f"bundle {bundle.identity}, {golden.file}: expected a lung field, found {refusal.found}; "
        "this device or library version computes differently: do not screen with it"
    )


def compare_golden(bundle: Bundle, golden: Golden, found: MemberScores) -> None:
    """Raise BundleError where a member's probabilities differ beyond the tolerance.

    A trained bundle's is `SCORE_TOLERANCE` where its manifest allows more: what differs further
    would show.
    """
    expected = golden.member_scores[found.member]
    tolerance = golden.tolerance
    if bundle.manifest.trained:
        tolerance = min(tolerance, SCORE_TOLERANCE)
    difference = max(abs(e - f) for e, f in zip(expected, found.raw.values(), strict=True))
    if difference > tolerance:
        raise BundleError(
            f"bundle {bundle.identity}, {golden.file}, member {found.member}: expected "
            f"{_numbers(expected)} within {tolerance:g}, found "
            f"{_numbers(tuple(found.raw.values()))}; this device or library version computes "
            "otherwise: do not screen with it"
        )


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
