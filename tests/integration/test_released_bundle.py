"""The bundle that comes with the package: whole, small enough, and better than chance."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles
from screening.cli.operations.score import best_bundle
from screening.db.session import Database
from screening.domain.scores import EnsembleScores
from screening.ensemble.ensemble import Ensemble
from screening.imaging.rendering.picture_file import read_picture
from screening.settings import load_settings
from tests.bundles.both_paths import assert_both_paths_agree, write_objects
from training.evaluation.measurements import (
    CONTRAST_ROBUSTNESS_NAME,
    EVALUATION_NAME,
    OUTLIER_CHECK_NAME,
    SITE_LEVELS_NAME,
    read_beside,
)
from training.outliers.outlier_images import CHANGES
from training.report.model_card import MeasuredLater, model_card

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
MOST_BYTES, MOST_FILE_BYTES = 100_000_000, 45_000_000
OF_EACH_LABEL = 12
DOCUMENTS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the released bundle."""
    (found,) = find_bundles([RELEASED_DIRECTORY])
    return found


@pytest.fixture(scope="module")
def ensemble(bundle: Bundle) -> Ensemble:
    """Load it, which verifies every file."""
    return Ensemble.load(bundle)


def test_it_is_what_a_new_installation_uses(bundle: Bundle, tmp_path: Path) -> None:
    """Nothing says UNTRAINED where nobody chose another bundle."""
    chosen = best_bundle(load_settings(data_dir=tmp_path, bundle_dir=tmp_path))
    assert (chosen.identity, chosen.manifest.trained) == (bundle.identity, True)


def test_it_is_small_enough_for_the_repository(bundle: Bundle) -> None:
    """Hosts of repositories refuse files from 50 MB on."""
    sizes = [path.stat().st_size for path in bundle.directory.rglob("*") if path.is_file()]
    assert max(sizes) <= MOST_FILE_BYTES
    assert sum(sizes) <= MOST_BYTES


def test_it_gives_its_golden_scores(ensemble: Ensemble) -> None:
    """On this machine as on the one that made it."""
    ensemble.verify_golden()


def test_the_documents_tell_its_measured_figures(bundle: Bundle) -> None:
    """The table of what a release is held to stands in docs/ as in the bundle's own card."""
    own = (bundle.directory / "model-card.md").read_text(encoding="utf-8")
    table = own.split("## What a release is held to")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) >= 8
    told = (DOCUMENTS / "model-card.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in told] == []


def test_no_published_figure_lies_outside_its_interval(bundle: Bundle) -> None:
    """In the evaluation, the bundle's card, the documents' card and the report."""
    found = list(estimates(read_beside(bundle.directory, EVALUATION_NAME)))
    texts = [bundle.directory / "model-card.md", DOCUMENTS / "model-card.md"]
    for path in (*texts, DOCUMENTS / "report.html"):
        text = path.read_text(encoding="utf-8")
        printed = re.findall(r"(-?[\d.]+)(?: %)? \((-?[\d.]+)-(-?[\d.]+)\)", text)
        assert len(printed) >= 8
        found += [(float(value), float(low), float(high)) for value, low, high in printed]
    assert [each for each in found if not each[1] <= each[0] <= each[2]] == []


def estimates(document: Any) -> Iterator[tuple[float, float, float]]:
    """Yield value and interval of each figure that has one."""
    if isinstance(document, dict):
        if document.get("low") is not None and "value" in document:
            yield document["value"], document["low"], document["high"]
        for each in document.values():
            yield from estimates(each)
    elif isinstance(document, list):
        for each in document:
            yield from estimates(each)


def test_its_card_is_what_the_program_writes_today(bundle: Bundle) -> None:
    """Of its manifest and what was measured of it; the probes of its runs are not at hand."""
    measured = MeasuredLater(
        never_seen=read_beside(bundle.directory, SITE_LEVELS_NAME),
        evaluation=read_beside(bundle.directory, EVALUATION_NAME),
        outlier_check=read_beside(bundle.directory, OUTLIER_CHECK_NAME),
        contrast_robustness=read_beside(bundle.directory, CONTRAST_ROBUSTNESS_NAME),
    )
    assert measured.never_seen, "figures of hospitals that it never saw come first"
    written = model_card(bundle.manifest, measured)
    without = "Not measured: `screening train probe`."
    assert without in written
    before, after = written.split(without)
    card = (bundle.directory / "model-card.md").read_text(encoding="utf-8")
    assert card.startswith(before)
    assert card.endswith(after)


def test_the_worker_and_the_evaluation_score_and_refuse_alike(
    ensemble: Ensemble, migrated_database: Database, tmp_path: Path
) -> None:
    """What screens is what was measured: no image is scored by one and refused by the other.

    Phantoms are scored; rotated, inverted, drawn and narrow images are refused by size, contrast,
    lung field or outlier check.
    """
    objects = write_objects(tmp_path / "objects")
    outcomes = assert_both_paths_agree(tmp_path, migrated_database, ensemble, objects)
    assert outcomes["classified"] == 3
    assert outcomes["unlike_chest_radiograph"] >= len(CHANGES) + 6
    assert outcomes["blank_image"] >= 1
    assert outcomes["odd_aspect_ratio"] == 1
    assert outcomes.total() == len(objects)


def covid19_scores(ensemble: Ensemble, folder: Path, label: str, source: str) -> list[float]:
    """Score pictures of a label; those that are refused are left out."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    fitting = [row["file"] for row in rows if (row["label"], row["source"]) == (label, source)]
    prepared = [
        ensemble.prepare(read_picture(folder / name).pixels)
        for name in sorted(fitting)[:: max(1, len(fitting) // OF_EACH_LABEL)][:OF_EACH_LABEL]
    ]
    answers = ensemble.screen(prepared)
    return [one.ensemble.covid19 for one in answers if isinstance(one, EnsembleScores)]


def test_covid19_stands_above_adult_normals(ensemble: Ensemble, data_dir: Path) -> None:
    """On real radiographs, through the same preparation as in a station."""
    sick = covid19_scores(ensemble, data_dir / "cxr", "covid19", "ieee8023")
    well = covid19_scores(ensemble, data_dir / "cxr", "normal", "nih_cxr8")
    assert min(len(sick), len(well)) >= OF_EACH_LABEL - 2
    assert np.mean([one > other for one in sick for other in well]) > 0.9
