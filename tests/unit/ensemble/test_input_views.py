"""Members that see the lung field alone, and pictures that have none."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import MANIFEST_NAME, manifest_bytes, parse_manifest
from screening.bundles.registry import Bundle, describe_file, load_bundle
from screening.domain.eligibility import EligibilityRules, Reason, Refusal
from screening.domain.scores import EnsembleScores
from screening.ensemble import input_views
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.score_files import score_files
from screening.errors import BundleError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import Box, crop
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.weights import save_weights
from tests.bundles.manifests import valid_manifest
from tests.bundles.same_scores import assert_same_scores, scores_of

pytestmark = pytest.mark.tensorflow

LUNGS = Box(left=0.2, top=0.3, right=0.8, bottom=0.75)
SIDE = 64


def build_tiny(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build a network that tells where a picture is bright."""
    image = keras.Input(input_shape, name="image")
    x = keras.layers.AveragePooling2D(16, name="means")(image)
    x = keras.layers.Flatten(name="flattened")(x)
    answers = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, answers, name="tiny")


def build_dark_is_lung(height: int, width: int) -> keras.Model:
    """Build a network that calls every place darker than the mean lung."""
    image = keras.Input((height, width, 1), name="image")
    lung = keras.layers.Conv2D(1, 1, activation="sigmoid", name="lung")(image)
    model = keras.Model(image, lung, name="dark_is_lung")
    model.get_layer("lung").set_weights([np.full((1, 1, 1, 1), -6.0), np.zeros(1)])
    return model


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let manifests name the small networks."""
    tiny = Architecture(build_tiny, SIDE, SIDE, ("covid19", "pneumonia", "normal"), 0, "a test")
    assert isinstance(ARCHITECTURES, dict)
    monkeypatch.setitem(ARCHITECTURES, "tiny", tiny)
    monkeypatch.setattr(input_views, "build_lung_field", build_dark_is_lung)


def chest(side: int = 320, seed: int = 0) -> NDArray[np.uint8]:
    """Return a light picture with two dark lungs that fill `LUNGS`, and a bright corner."""
    shade = np.linspace(0, 40 - seed, side)
    picture = np.add.outer(shade, shade / 2).astype(np.uint8) + np.uint8(160)
    for left, right in ((LUNGS.left, 0.45), (0.55, LUNGS.right)):
        rows = slice(round(LUNGS.top * side), round(LUNGS.bottom * side))
        picture[rows, round(left * side) : round(right * side)] -= 140
    picture[: side // 8, : side // 8] = 255
    return picture


def no_chest(side: int = 320) -> NDArray[np.uint8]:
    """Return a light picture with a small dark spot."""
    picture = np.full((side, side), 180, np.uint8)
    picture[:40, :40] = np.arange(40)
    return picture


MEMBERS: tuple[dict[str, Any], ...] = (
    {"view": "lung_field", "contrast": "equalised"},
    {"view": "lung_field"},
    {"view": "whole"},
    {"view": "lung_field", "detail_pixels": 24},
    {"view": "whole", "detail_pixels": 24},
    {"view": "lung_field", "detail_pixels": 16},
)
Make = Callable[..., Bundle]


@pytest.fixture
def make_bundle(tmp_path: Path) -> Make:
    """Return a function that writes a bundle of several members and a lung field."""

    def make(golden: NDArray[np.uint8] | None = None, precision: str = "float16") -> Bundle:
        directory = tmp_path / "bundle"
        directory.mkdir()
        keras.utils.set_random_seed(1)
        model = build_tiny((SIDE, SIDE, 3), 3)
        weights = described(save_weights(model, directory, "tiny"))
        picture = chest() if golden is None else golden
        scores = {}
        members = []
        for place, of_input in enumerate(MEMBERS):
            name = f"member-{place}"
            copies = [
                one | {"file": f"{name}.npz"} for one in weights if link(directory, one, name)
            ]
            members.append(
                {
                    "name": name,
                    "architecture": "tiny",
                    "classes": ["covid19", "pneumonia", "normal"],
                    "input": {"height": SIDE, "width": SIDE, "value_range": [0, 1], **of_input},
                    "weights": copies,
                }
            )
            scores[name] = np.asarray(model(expected(picture, of_input)[np.newaxis]))[0].tolist()
        path = directory / "golden-1.png"
        Image.fromarray(picture).save(path)
        lungs = save_weights(
            build_dark_is_lung(SIDE, SIDE),
            directory,
            "lung-field",
            dtype=precision,  # type: ignore[arg-type]  # one of three words
        )
        content: dict[str, Any] = valid_manifest() | {
            "trained": False,  # the golden scores are of the drawn lungs, not of the box found
            "members": members,
            "preprocessing_fingerprint": fingerprint(),
            "golden": [{**described([path])[0], "member_scores": scores, "tolerance": 0.1}],
            "lung_field": {
                "height": SIDE,
                "width": SIDE,
                "threshold": 0.5,
                "margin": 0.0,
                "least_area": 0.08,
                "least_certainty": 0.78,
                "most_between": 0.6,
                "weights": described(lungs),
            },
        }
        manifest = parse_manifest(json.dumps(content).encode(), directory)
        (directory / MANIFEST_NAME).write_bytes(manifest_bytes(manifest))
        return load_bundle(directory)

    return make


def described(paths: list[Path]) -> list[dict[str, Any]]:
    """Return the manifest's entries for files."""
    return [describe_file(path).model_dump() for path in paths]


def link(directory: Path, file: dict[str, Any], name: str) -> bool:
    """Give a weight file a second name."""
    (directory / f"{name}.npz").hardlink_to(directory / file["file"])
    return True


def expected(
    picture: NDArray[np.uint8], of_input: dict[str, Any], box: Box = LUNGS
) -> NDArray[np.float32]:
    """Return what a member must be given of a picture whose lungs fill a box."""
    seen = crop(picture, box) if of_input["view"] == "lung_field" else picture
    contrast = Contrast(of_input.get("contrast", "as_rendered"))
    detail = of_input.get("detail_pixels")
    return preprocess(seen, InputSpec(SIDE, SIDE, (0.0, 1.0), contrast, detail))


@pytest.mark.parametrize("precision", ["int9", "float16", "float32"])
def test_each_member_sees_its_own_view(make_bundle: Make, precision: str) -> None:
    """The crop or the whole image, equalised or not, in its detail; the box says where it lies."""
    ensemble = Ensemble.load(make_bundle(precision=precision))
    ensemble.verify_golden()
    prepared = ensemble.prepare(chest(800))
    assert prepared.refusal is None
    assert prepared.box is not None
    found = (prepared.box.left, prepared.box.top, prepared.box.right, prepared.box.bottom)
    assert found == pytest.approx((LUNGS.left, LUNGS.top, LUNGS.right, LUNGS.bottom), abs=0.02)
    for array, of_input in zip(prepared.arrays, MEMBERS, strict=True):
        assert np.array_equal(array, expected(chest(800), of_input, prepared.box))
    lungs = prepared.arrays[1]
    assert lungs.max() < 0.95, "the bright corner is outside the lung field"


def test_a_picture_without_lungs_is_refused_in_its_place(make_bundle: Make) -> None:
    """With what was found and expected; its neighbours are scored, and `score` scores it, too."""
    ensemble = Ensemble.load(make_bundle())
    pictures = [chest(seed=1), no_chest(), chest(seed=2)]
    prepared = [ensemble.prepare(picture) for picture in pictures]
    first, second, third = ensemble.screen(prepared)
    assert isinstance(second, Refusal)
    assert second.reason is Reason.UNLIKE_CHEST_RADIOGRAPH
    assert second.found == "lungs on 2.0 % of the image, at least 8.0 % expected"
    assert prepared[1].box is None
    scored = scores_of(ensemble, pictures)
    assert_same_scores([first, third], [scored[0], scored[2]])
    assert isinstance(scored[1], EnsembleScores)


def test_files_without_lungs_are_not_applicable(make_bundle: Make, tmp_path: Path) -> None:
    """`screening score` gives the reason and no scores."""
    for name, picture in (("chest.png", chest()), ("none.png", no_chest())):
        Image.fromarray(picture).save(tmp_path / name)
    files = [tmp_path / "none.png", tmp_path / "chest.png"]
    refused, scored = score_files(Ensemble.load(make_bundle()), files, EligibilityRules())
    assert (refused.state, refused.reason) == ("not_applicable", "unlike_chest_radiograph")
    assert refused.detail is not None
    assert refused.detail.startswith("lungs on ")
    assert refused.scores is None
    assert scored.state == "classified"


def test_threads_prepare_at_once(make_bundle: Make) -> None:
    """Many threads get the boxes that one gets."""
    ensemble = Ensemble.load(make_bundle())
    pictures = [chest(200 + 20 * seed, seed) for seed in range(24)]
    alone = [ensemble.prepare(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ensemble.prepare, pictures))
    assert [one.box for one in together] == [one.box for one in alone]


def test_a_golden_image_must_have_lungs(make_bundle: Make) -> None:
    """A worker that finds none in it computes otherwise, and does not screen."""
    ensemble = Ensemble.load(make_bundle(golden=no_chest()))
    with pytest.raises(BundleError, match=r"golden-1\.png: expected a lung field, found lungs on"):
        ensemble.verify_golden()


def test_other_weights_stop_the_bundle(make_bundle: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of another network are refused before the first picture."""
    bundle = make_bundle()
    monkeypatch.undo()
    with pytest.raises(BundleError, match=r"lung-field-1-of-1\.npz: the network needs arrays"):
        input_views.ViewExtractor.load(bundle.manifest.lung_field, bundle.directory)
