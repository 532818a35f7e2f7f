"""A runtime is used only where its decisions were compared with TensorFlow's, on this machine."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles
from screening.ensemble import runtime_comparison
from screening.ensemble.runtime_comparison import (
    LEAST_IMAGES,
    RuntimeComparison,
    compare,
    keep,
    require_comparison,
)
from screening.errors import BundleError


@pytest.fixture
def bundle() -> Bundle:
    """Return the released bundle, whose networks are not loaded."""
    (found,) = find_bundles([RELEASED_DIRECTORY])
    return found


def lines(count: int = LEAST_IMAGES, **changed: Any) -> list[dict[str, Any]]:
    """Return what `screening score --json` prints of images; the last one with changes."""
    line = {
        "gate": {"state": "classified", "reason": None, "detail": None},
        "members": {"coronet": {"raw": {"covid19": 0.25, "normal": 0.75}}},
        "priority": "LOW",
    }
    return [
        {"path": f"{number}.png", **line, **(changed if number == count - 1 else {})}
        for number in range(count)
    ]


def members(covid19: float) -> dict[str, Any]:
    """Return a member's scores."""
    return {"coronet": {"raw": {"covid19": covid19, "normal": 1 - covid19}}}


def test_the_same_scores_are_accepted_and_kept(bundle: Bundle, tmp_path: Path) -> None:
    """Rounding is no difference; what is kept lets workers begin."""
    found = compare(bundle, "openvino", lines(), lines(members=members(0.25 + 2e-6)))
    assert found.problem() is None
    assert (found.images, found.scored) == (LEAST_IMAGES, LEAST_IMAGES)
    assert found.furthest == pytest.approx(2e-6)
    keep(found, tmp_path)
    require_comparison(bundle, "openvino", tmp_path)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (lines(members=members(0.2512)), "within 0.001, found one that differs by 0.0012"),
        (lines(priority="STAT"), "found 1 others: image 500: LOW, openvino STAT"),
        (
            lines(gate={"reason": "unlike_chest_radiograph"}, members=None, priority=None),
            "image 500: LOW, openvino unlike_chest_radiograph",
        ),
    ],
)
def test_other_scores_and_other_decisions_are_refused(
    bundle: Bundle, tmp_path: Path, found: list[dict[str, Any]], problem: str
) -> None:
    """One probability or one decision among 500 suffices; the message names image and command."""
    keep(compare(bundle, "openvino", lines(), found), tmp_path)
    with pytest.raises(BundleError, match=problem) as refused:
        require_comparison(bundle, "openvino", tmp_path)
    assert "bundles compare-runtime" in str(refused.value)


def test_too_few_images_and_none_that_is_scored_are_refused(bundle: Bundle) -> None:
    """499 images are not 500, and images that are all refused show nothing."""
    few = compare(bundle, "openvino", lines(LEAST_IMAGES - 1), lines(LEAST_IMAGES - 1))
    assert "expected at least 500 images compared, found 499" in str(few.problem())
    assert "all were refused" in str(replace(few, images=LEAST_IMAGES, scored=0).problem())


def test_scores_of_other_files_are_not_compared(bundle: Bundle) -> None:
    """Files that came or went between the two runs end the comparison."""
    with pytest.raises(ValueError, match="found two files"):
        compare(bundle, "openvino", lines(), lines(path="another.png"))


def test_a_comparison_holds_for_its_bundle_processor_and_versions(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything that may change a score asks for a comparison of its own."""
    keep(compare(bundle, "openvino", lines(), lines()), tmp_path)
    require_comparison(bundle, "openvino", tmp_path)
    with pytest.raises(BundleError, match="found none"):
        require_comparison(replace(bundle, digest="0" * 64), "openvino", tmp_path)
    for name in ("_processor", "_version", "fingerprint"):
        with monkeypatch.context() as patched:
            patched.setattr(runtime_comparison, name, lambda *_: "another")
            with pytest.raises(BundleError, match="found none"):
                require_comparison(bundle, "openvino", tmp_path)


def test_a_damaged_comparison_is_none(bundle: Bundle, tmp_path: Path) -> None:
    """It is named, and nothing is scored by it."""
    path = keep(compare(bundle, "openvino", lines(), lines()), tmp_path)
    for damaged in ("{", json.dumps({"images": 500})):
        path.write_text(damaged)
        with pytest.raises(BundleError, match=r"openvino-\w+\.json: expected a comparison"):
            require_comparison(bundle, "openvino", tmp_path)


def test_tensorflow_and_untrained_bundles_need_none(bundle: Bundle, tmp_path: Path) -> None:
    """TensorFlow is the reference, and the scores of an untrained bundle mean nothing."""
    require_comparison(bundle, "tensorflow", tmp_path)
    untrained = bundle.manifest.model_copy(update={"trained": False})
    require_comparison(replace(bundle, manifest=untrained), "openvino", tmp_path)


def test_what_is_kept_names_no_file(bundle: Bundle, tmp_path: Path) -> None:
    """A site's files may be named after patients."""
    found = compare(bundle, "openvino", lines(), lines(priority="STAT"))
    assert isinstance(found, RuntimeComparison)
    assert ".png" not in keep(found, tmp_path).read_text()
