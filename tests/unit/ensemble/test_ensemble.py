"""The ensemble of a bundle: the same scores however it is asked, and no bundle it cannot trust."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import keras
from numpy.typing import NDArray

from screening.bundles.manifest import MANIFEST_NAME
from screening.bundles.registry import Bundle, load_bundle
from screening.domain.scores import SCORE_TOLERANCE, Class
from screening.ensemble import untrained
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.members import EnsembleMember
from screening.ensemble.untrained import make_untrained_bundle
from screening.errors import BundleError, UndecodablePixelsError
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.networks.architectures import ARCHITECTURES
from tests.bundles.same_scores import assert_same_scores, scores_of
from tests.bundles.traces import noted_traces

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Return the untrained bundle for images of CoroNet's size, made once for this module."""
    side = ARCHITECTURES["coronet"].height
    small = {
        name: replace(architecture, height=side, width=side)
        for name, architecture in ARCHITECTURES.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(untrained, "ARCHITECTURES", small)
        yield make_untrained_bundle(tmp_path_factory.mktemp("bundles") / "untrained")


@pytest.fixture(scope="module")
def phantoms() -> list[NDArray[np.uint8]]:
    """Return six synthetic radiographs of several sizes."""
    return [phantom_image(seed, 200 + 10 * seed, 220) for seed in range(6)]


@pytest.fixture(scope="module")
def traced() -> list[str]:
    """Return the names of the ensemble's networks, one for each time that one was traced."""
    return []


@pytest.fixture(scope="module")
def ensemble(bundle: Bundle, traced: list[str]) -> Ensemble:
    """Return the untrained bundle's ensemble, loaded once for this module."""
    with noted_traces(traced):
        return Ensemble.load(bundle)


@pytest.fixture
def altered(
    bundle: Bundle, tmp_path: Path
) -> Callable[[Callable[[dict[str, Any]], object]], Bundle]:
    """Return a function that copies the bundle and changes its manifest."""

    def alter(change: Callable[[dict[str, Any]], object]) -> Bundle:
        copy = tmp_path / "altered"
        shutil.copytree(bundle.directory, copy, copy_function=_link)
        manifest = json.loads((copy / MANIFEST_NAME).read_bytes())
        change(manifest)
        (copy / MANIFEST_NAME).unlink()
        (copy / MANIFEST_NAME).write_text(json.dumps(manifest))
        return load_bundle(copy)

    return alter


Alter = Callable[[Callable[[dict[str, Any]], object]], Bundle]


def _link(source: str, target: str) -> str:
    Path(target).hardlink_to(source)
    return target


def test_golden_scores_are_reproduced(ensemble: Ensemble) -> None:
    """A bundle made on this machine reproduces its golden scores."""
    ensemble.verify_golden()


def test_untrained_scores_differ_between_images(
    ensemble: Ensemble, phantoms: list[NDArray[np.uint8]]
) -> None:
    """Scores are finite, add up to 1 and spread, so that a demonstration list has an order."""
    scores = scores_of(ensemble, phantoms)
    table = np.array([[s.ensemble.of(klass) for klass in Class] for s in scores])
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(table[:, 0]) > 0.2


def test_scores_do_not_depend_on_the_batch(
    ensemble: Ensemble, phantoms: list[NDArray[np.uint8]]
) -> None:
    """A batch gives the scores that its images get one by one, in their order."""
    together = scores_of(ensemble, phantoms)
    assert_same_scores(together, [scores_of(ensemble, [image])[0] for image in phantoms])
    with pytest.raises(AssertionError):
        assert_same_scores(together, together[::-1])


def test_an_empty_batch_has_no_scores(ensemble: Ensemble) -> None:
    """No images give no scores."""
    assert scores_of(ensemble, []) == []


def test_members_are_traced_once(
    ensemble: Ensemble, traced: list[str], phantoms: list[NDArray[np.uint8]]
) -> None:
    """Changing batch sizes do not build new graphs, which a long-lived worker would collect."""
    for size in (1, 3, 2):
        scores_of(ensemble, phantoms[:size])
    assert sorted(traced) == ["concatenated", "coronet"]


def test_images_that_are_too_small_are_refused_before_scoring(ensemble: Ensemble) -> None:
    """An image with a side that is too short is refused when it is prepared."""
    with pytest.raises(UndecodablePixelsError):
        ensemble.prepare(np.zeros((20, 500), np.uint8))


def test_the_same_seed_gives_the_same_bundle(bundle: Bundle) -> None:
    """A second bundle of one seed has the same digest; a place in use keeps its bundle."""
    again = make_untrained_bundle(bundle.directory.parent / "again")
    assert again.digest == bundle.digest
    assert {path.name for path in bundle.directory.parent.iterdir()} == {"untrained", "again"}
    assert (bundle.directory.stat().st_mode & 0o777) == 0o755
    assert not bundle.manifest.trained
    assert bundle.manifest.limits_of_use


def test_a_tampered_weight_file_is_refused(altered: Alter) -> None:
    """One changed byte in a weight file stops the bundle from loading."""
    bundle = altered(lambda _: None)
    weights = bundle.directory / bundle.manifest.members[1].weights[0].file
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    with pytest.raises(BundleError, match=weights.name):
        Ensemble.load(bundle)


def test_another_preprocessing_is_refused(altered: Alter) -> None:
    """A bundle made with another preprocessing is refused with both fingerprints."""
    bundle = altered(lambda manifest: manifest.update(preprocessing_fingerprint="older"))
    with pytest.raises(BundleError, match="expected preprocessing older, found"):
        Ensemble.load(bundle)


def test_an_unknown_architecture_is_refused(altered: Alter) -> None:
    """A member of an architecture that is not here is refused, and the known ones are named."""
    bundle = altered(lambda manifest: manifest["members"][0].update(architecture="vgg19"))
    with pytest.raises(BundleError, match="concatenated, coronet, found vgg19"):
        Ensemble.load(bundle)


def test_a_mirrored_member_gives_mirror_images_the_same_scores(
    altered: Alter, phantoms: list[NDArray[np.uint8]]
) -> None:
    """The manifest says which member is asked twice; the other one still sees sides."""
    mirrored = Ensemble.load(altered(lambda manifest: manifest["members"][0].update(mirrored=True)))
    (own,), (mirror,) = (
        scores_of(mirrored, [each]) for each in (phantoms[0], phantoms[0][:, ::-1])
    )
    first, second = (
        np.ptp([list(one.members[n].raw.values()) for one in (own, mirror)], axis=0).max()
        for n in (0, 1)
    )
    assert first < SCORE_TOLERANCE < second


def test_a_member_is_asked_about_the_middle_where_the_manifest_says_so(
    altered: Alter, ensemble: Ensemble, phantoms: list[NDArray[np.uint8]]
) -> None:
    """It answers by the mean of the whole and the enlarged middle; other members do not."""
    asked = Ensemble.load(altered(lambda manifest: manifest["members"][1].update(inner=0.8)))
    [scored], [plain] = (scores_of(each, phantoms[:1]) for each in (asked, ensemble))
    whole = ensemble.prepare(phantoms[0]).arrays[1]
    middle = np.asarray(keras.ops.image.resize(whole[15:-15, 15:-15], whole.shape[:2]))
    expected = ensemble._members[1].outputs(np.stack([whole, middle])).probabilities.mean(axis=0)
    assert list(scored.members[1].raw.values()) == pytest.approx(expected, abs=SCORE_TOLERANCE)
    assert list(plain.members[1].raw.values()) != pytest.approx(expected, abs=SCORE_TOLERANCE)
    assert list(scored.members[0].raw.values()) == pytest.approx(
        list(plain.members[0].raw.values()), abs=SCORE_TOLERANCE
    )


def test_a_member_is_told_to_score_covid19_against_normal(
    altered: Alter, ensemble: Ensemble, phantoms: list[NDArray[np.uint8]]
) -> None:
    """Its odds of COVID-19 fall with normal's probability; other members' stay."""
    told = Ensemble.load(
        altered(lambda manifest: manifest["members"][1].update(against_normal=0.5))
    )
    [scored], [plain] = (scores_of(each, phantoms[:1]) for each in (told, ensemble))
    now, was = scored.members[1].raw, plain.members[1].raw
    odds = was["covid19"] / was["normal"] ** 1.5
    assert now["covid19"] / now["normal"] == pytest.approx(odds, rel=0.01)
    assert list(scored.members[0].raw.values()) == pytest.approx(
        list(plain.members[0].raw.values()), abs=SCORE_TOLERANCE
    )


def test_golden_scores_that_are_not_reproduced_are_refused(
    altered: Alter, ensemble: Ensemble
) -> None:
    """Golden scores beyond the tolerance are refused, with expected and found numbers."""

    def shift(manifest: dict[str, Any]) -> None:
        scores = manifest["golden"][1]["member_scores"]["coronet"]
        largest = scores.index(max(scores))
        scores[largest] -= 0.02
        scores[largest - 1] += 0.02

    other = Ensemble(altered(shift), ensemble._members)
    with pytest.raises(BundleError, match=r"golden-2\.png, member coronet: expected .* found"):
        other.verify_golden()


def test_a_trained_bundle_may_not_allow_what_would_show(altered: Alter, ensemble: Ensemble) -> None:
    """Its manifest may be stricter than the tolerance of all scores, never laxer."""

    def lax(manifest: dict[str, Any]) -> None:
        scores = manifest["golden"][0]["member_scores"]["coronet"]
        scores[0], scores[1] = scores[0] + 0.001, scores[1] - 0.001
        manifest["trained"] = True

    other = Ensemble(altered(lax), ensemble._members)
    assert other.bundle.manifest.golden[0].tolerance == 0.01
    with pytest.raises(BundleError, match=r"member coronet: expected .* within 0\.0002, found"):
        other.verify_golden()


def test_scores_that_are_not_finite_are_refused(bundle: Bundle) -> None:
    """A network that computes no number is an error, never a low priority."""
    described = bundle.manifest.members[0]
    shape = (described.input.height, described.input.width, 3)
    image = keras.Input(shape)
    means = keras.layers.GlobalAveragePooling2D()(image)
    member = EnsembleMember(described, keras.Model(image, means))
    with pytest.raises(BundleError, match="expected finite probabilities"):
        member.outputs(np.full((1, *shape), np.nan, np.float32))
