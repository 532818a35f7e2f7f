"""The reference of a bundle: what held-out images of each source look like to it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.reference import read_reference
from screening.bundles.registry import Bundle
from screening.domain.image_statistics import KNOWN_NAMES
from screening.ensemble.ensemble import Ensemble
from tests.training.trained_runs import Site
from training.outliers import reference
from training.runs.folder import read_split

pytestmark = pytest.mark.tensorflow


def test_an_export_describes_the_images_that_chose_its_calibration(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside its manifest, for this bundle alone; with too few images there is none."""
    monkeypatch.setattr(reference, "FEWEST_OF_A_SOURCE", 2)
    bundle = site.export(tmp_path / "chest-1")
    sources = read_reference(bundle)
    assert sources
    validation = [used for used in read_split(site.runs[0] / "fold-1") if used.part == "validation"]
    assert sum(source.images for source in sources) <= len(validation)
    for source in sources:
        assert set(source.quantiles) == set(KNOWN_NAMES)
        assert len(source.feature_means) > 0


def test_a_bundle_of_few_images_has_no_reference(released: Bundle) -> None:
    """Its distributions would be mostly chance."""
    assert read_reference(released) == ()


def test_sources_are_described_apart_by_the_images_that_are_scored(
    site: Site, released: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most so many of each, evenly spread, and none of a source with too few."""
    monkeypatch.setattr(reference, "FEWEST_OF_A_SOURCE", 3)
    monkeypatch.setattr(reference, "IMAGES_OF_A_SOURCE", 5)
    rows = [*[replace(row, source="many") for row in site.rows[:9]], site.rows[9], site.rows[10]]
    ensemble = Ensemble.load(released, site.scorer.architectures)
    infer = reference.infer_files
    asked: list[Path] = []

    def recorded(ensemble: Ensemble, paths: list[Path], *, workers: int) -> list[object]:
        asked.extend(paths)
        return list(infer(ensemble, paths, workers=workers))

    monkeypatch.setattr(reference, "infer_files", recorded)
    (source,) = reference.measure_reference(ensemble, rows)
    assert source.name == "many"
    assert asked == [rows[place].path for place in (0, 2, 4, 6, 8)]
    assert source.images == 5 - sum(
        one.refusal is not None for one in infer(ensemble, asked, workers=1)
    )
    for values in source.quantiles.values():
        np.testing.assert_array_equal(values, np.sort(values))
