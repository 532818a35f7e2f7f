"""The reference of a bundle: what held-out images of each source look like to it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.reference import read_reference
from screening.bundles.registry import Bundle
from screening.domain.eligibility import Reason, Refusal
from screening.domain.image_statistics import KNOWN_NAMES, ImageStatistics
from screening.domain.scores import combine, member_scores
from screening.ensemble.ensemble import Ensemble, Inference
from tests.training.trained_runs import Site
from training.outliers import reference
from training.release.export import export_bundle

pytestmark = pytest.mark.tensorflow

THREE = ("covid19", "pneumonia", "normal")
REFUSAL = Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, "distance 9")


def inference(place: int) -> Inference:
    """Return scores and statistics that grow from image to image; every fourth is refused."""
    share = place / 100
    scores = combine([member_scores("one", THREE, (share, 0.0, 1 - share), 1.0)], [1.0])
    statistics = ImageStatistics(share, 2.0, 3.0, 4.0, 1.0 + share, (share, -share))
    return Inference(scores, REFUSAL if place % 4 == 3 else None, statistics)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the files that were scored, by nothing."""
    found: list[Path] = []

    def infer(ensemble: Ensemble, paths: Sequence[Path], *, workers: int) -> list[Inference]:
        del ensemble, workers
        found.extend(paths)
        return [inference(place) for place in range(len(paths))]

    monkeypatch.setattr(reference, "infer_files", infer)
    monkeypatch.setattr(reference, "FEWEST_OF_A_SOURCE", 3)
    return found


def test_sources_are_described_apart_by_the_images_that_are_scored(
    site: Site, released: Bundle, asked: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most so many of each, evenly spread; none that was refused, no source with too few."""
    monkeypatch.setattr(reference, "IMAGES_OF_A_SOURCE", 5)
    many = [replace(row, source="many") for row in site.rows[:9]]
    few = [replace(row, source="few") for row in site.rows[9:11]]
    ensemble = Ensemble(released, [])
    (source,) = reference.measure_reference(ensemble, [*many, *few])
    assert asked == [site.rows[place].path for place in (0, 2, 4, 6, 8)]
    assert (source.name, source.images) == ("many", 4)
    assert set(source.quantiles) == set(KNOWN_NAMES)
    for values in source.quantiles.values():
        np.testing.assert_array_equal(values, np.sort(values))
    assert source.quantiles["black_level"][0] == 0
    assert source.quantiles["black_level"][-1] == pytest.approx(0.04)
    assert source.feature_means == pytest.approx((0.0175, -0.0175))


def test_an_export_describes_its_validation_images(
    site: Site, tmp_path: Path, asked: list[Path], released: Bundle
) -> None:
    """Beside its manifest, for this bundle alone; with too few images there is none."""
    assert read_reference(released) == ()
    request = replace(site.request(tmp_path / "chest-1"), outlier_check=False)
    bundle = export_bundle(request, site.predictor, site.scorer)
    assert asked
    assert {source.name for source in read_reference(bundle)} <= {row.source for row in site.rows}
    assert read_reference(bundle)
