"""What is measured of a bundle and its runs after the export, and where it is told."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from screening.bundles.registry import Bundle
from screening.db.session import Database
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.input_views import InputViews
from screening.imaging.network_input.lung_field import View
from screening.imaging.phantoms.phantom import write_phantoms
from screening.imaging.rendering.radiograph_file import read_radiograph
from tests.bundles.both_paths import assert_both_paths_agree, write_objects
from tests.training.trained_runs import Site
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.contrast_robustness import (
    CONTRASTS,
    GreyImage,
    contrast_robustness_json,
    measure_contrast_robustness,
    with_contrast,
)
from training.evaluation.measurements import (
    CONTRAST_ROBUSTNESS_NAME,
    EVALUATION_NAME,
    OUTLIER_CHECK_NAME,
    PROBE_NAME,
    write_beside,
)
from training.evaluation.of_bundle import (
    bundle_evaluation_json,
    evaluate_bundle,
    evaluate_members,
    held_out_examples,
)
from training.evaluation.of_runs import evaluate_runs
from training.evaluation.source_probe import probe_sources
from training.inference.bundle_inference import infer_prepared, member_predictions
from training.inference.combination import Combination, combined_scores, common_images
from training.metrics.classification import evaluate_set
from training.outliers import trial as outlier_trial
from training.outliers.outlier_images import CHANGES, DRAWN
from training.outliers.trial import Trial, measure_outlier_check, trial_json
from training.report.grad_cam_sheet import held_out_sheet, phantom_sheet
from training.report.model_card import write_card
from training.report.page import ReportExtras, write_report
from training.runs.held_out_scores import by_image, trained_folds

pytestmark = pytest.mark.tensorflow


STRETCHED = list(CONTRASTS)[1]
TOLD_CONTRASTS = {
    "part": "test",
    "of_adults": True,
    "images": 16,
    "rows": [
        {
            "contrast": "darker",
            "figures": {"normal found": {"value": 0.25, "low": 0.2, "high": 0.3}},
        }
    ],
}


@pytest.fixture(scope="module")
def ensemble(site: Site, released: Bundle) -> Ensemble:
    """Return the bundle's ensemble of small networks, loaded once for this module."""
    return Ensemble.load(released, site.scorer.architectures)


def folds_of(site: Site) -> list:
    """Return the folds of both runs."""
    return [fold for run in site.runs for fold in trained_folds(run)]


def test_a_bundle_is_evaluated_as_it_is_released(
    site: Site, released: Bundle, ensemble: Ensemble
) -> None:
    """Stored weights, temperatures and shares of the manifest, on what its runs hold out."""
    folds, rows = folds_of(site), by_image(site.rows)
    found = evaluate_bundle(ensemble, folds, Part.TEST, rows)
    members = released.manifest.members
    combination = Combination(
        tuple(each.temperature for each in members), tuple(each.weight for each in members)
    )
    selected = common_images([site.predictor(fold, Part.TEST) for fold in folds])
    expected = evaluate_set(combined_scores(selected, combination))
    pooled = found.everything.ensemble.pooled
    assert pooled.images == expected.images == 16
    assert pooled.confusion == expected.confusion
    assert [each.name for each in found.everything.members] == ["coronet", "concatenated"]
    assert [each.name for each in found.own_classes] == ["coronet, 4 classes"]
    assert found.leaked == 0
    document = json.loads(json.dumps(bundle_evaluation_json(found), allow_nan=False))
    assert document["figures"][0]["measured"]["value"] is None  # nothing of NIH in this split
    assert document["figures"][-1]["figure"].startswith("CoroNet alone, four classes")


def test_a_trial_counts_what_is_refused(
    site: Site,
    ensemble: Ensemble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Images as they are and changed, drawn ones, and a folder's files with those that pass."""
    folder = tmp_path / "others"
    for name in ("phantoms", "odd"):
        write_phantoms(folder / name, 1)
    (folder / "text.dcm").write_bytes(b"no radiograph")
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(folder / "black.png")
    (folder / "manifest.csv").write_text("no image")
    monkeypatch.setattr(outlier_trial, "DRAWN_OF_A_KIND", 2)
    known = [row.path for row in site.rows[:3]]
    found = measure_outlier_check(ensemble, known, folder, ["phantoms"])
    rows = {row.kind: row for row in found.rows}
    assert [row.images for row in found.rows[: len(CHANGES) + 1]] == [3] * (len(CHANGES) + 1)
    assert rows.keys() >= DRAWN.keys()
    assert sum(rows["blank"].reasons.values()) == 2  # one level, and a shade from side to side
    assert rows["blank"].reasons["blank_image"] >= 1
    assert rows["chest radiographs"].reasons == {"too_small": 3}  # 64 pixels wide
    assert rows["files in ."].images == 2
    assert rows["files in ."].reasons == {"blank_image": 1, "unreadable": 1}
    assert (rows["files in odd"].refuse, rows["files in phantoms"].refuse) == (True, False)
    assert rows["files in odd"].reasons == rows["files in phantoms"].reasons
    assert len(found.passed) == 1 - sum(rows["files in odd"].reasons.values())
    with pytest.raises(TrainingError, match="elsewhere"):
        measure_outlier_check(ensemble, [], folder, ["elsewhere"])
    json.dumps(trial_json(found), allow_nan=False)


def test_the_worker_and_the_evaluation_score_and_refuse_alike(
    ensemble: Ensemble, migrated_database: Database, tmp_path: Path
) -> None:
    """Also by a bundle that was never released, whose small networks know nothing."""
    objects = write_objects(tmp_path / "objects")
    outcomes = assert_both_paths_agree(tmp_path, migrated_database, ensemble, objects)
    assert outcomes["odd_aspect_ratio"] == 1
    assert outcomes.total() == len(objects)


def test_each_contrast_is_measured_on_the_same_images(site: Site, ensemble: Ensemble) -> None:
    """As they are the scores are those of the evaluation; with other contrasts they may differ."""
    folds, rows = folds_of(site), by_image(site.rows)
    found = measure_contrast_robustness(ensemble, folds, Part.TEST, rows)
    expected = evaluate_bundle(ensemble, folds, Part.TEST, rows).everything
    assert [row.contrast for row in found.rows] == list(CONTRASTS)
    assert {row.found.images for row in found.rows} == {16}
    assert found.rows[0].found.confusion == expected.ensemble.pooled.confusion
    assert not found.of_adults  # nothing of NIH in this split
    document = json.loads(json.dumps(contrast_robustness_json(found), allow_nan=False))
    assert document["rows"][0]["figures"]["normal found"]["value"] is not None


class RightHalf:
    """A `ViewExtractor` that needs no network."""

    def views(self, image: GreyImage) -> InputViews:
        """Return the right half of an image, as wide as the whole, as every view."""
        half = image[:, image.shape[1] // 2 :].repeat(2, axis=1)
        return InputViews(dict.fromkeys(View, half))


def test_contrast_is_changed_in_the_view_that_a_member_takes(
    site: Site, released: Bundle, ensemble: Ensemble
) -> None:
    """Not in the whole image, which would give the view another contrast."""
    halves = Ensemble(released, ensemble._members, extractor=RightHalf())
    folds, rows = folds_of(site), by_image(site.rows)
    found = measure_contrast_robustness(halves, folds, Part.TEST, rows)
    shown = {row.contrast: row.found.classes["covid19"].calibration_error for row in found.rows}
    examples = held_out_examples(folds, Part.TEST, rows)
    images = [read_radiograph(rows[q.pixels_sha256].path).pixels for q in examples]
    members = released.manifest.members
    for name, contrast in CONTRASTS.items():
        changed = [
            with_contrast(RightHalf().views(each).pixels[View.WHOLE], contrast) for each in images
        ]
        inferred = infer_prepared(ensemble, [ensemble.prepare(each) for each in changed])
        predictions = member_predictions(members, examples, inferred)
        expected = evaluate_members(members, predictions).ensemble.pooled
        assert shown[name] == expected.classes["covid19"].calibration_error
    assert shown[STRETCHED] != shown["as it is"]


def test_contrasts_change_grey_levels_alone() -> None:
    """Order stays; the stretch reaches both ends, gamma keeps them, the flat one meets halfway."""
    grey = np.tile(np.arange(50, 200, dtype=np.uint8), (100, 1))
    found = {
        name: with_contrast(grey, contrast).astype(int) for name, contrast in CONTRASTS.items()
    }
    assert all((np.diff(each, axis=1) >= 0).all() for each in found.values())
    spans = {name: (int(each.min()), int(each.max())) for name, each in found.items()}
    assert list(spans.values()) == [(50, 199), (0, 255), (26, 180), (82, 214), (87, 162)]
    assert with_contrast(np.full((9, 9), 7, np.uint8), CONTRASTS[STRETCHED]).max() <= 255


def test_one_source_of_a_class_is_no_question(site: Site) -> None:
    """A probe that has nothing to tell apart says what it needs."""
    with pytest.raises(TrainingError, match="two sources of at least 10 patients"):
        probe_sources(folds_of(site)[0], by_image(site.rows), site.scorer)


def test_card_and_report_tell_what_was_measured(
    site: Site, released: Bundle, ensemble: Ensemble
) -> None:
    """Both tell figures, probe and outlier check; images of phantoms are inside the page."""
    folds, rows = folds_of(site), by_image(site.rows)
    evaluation = evaluate_bundle(ensemble, folds, Part.TEST, rows)
    write_beside(released.directory, EVALUATION_NAME, bundle_evaluation_json(evaluation))
    trial = Trial(released.identity, (), ("others/odd.dcm",))
    write_beside(released.directory, OUTLIER_CHECK_NAME, trial_json(trial))
    write_beside(
        released.directory, CONTRAST_ROBUSTNESS_NAME, TOLD_CONTRASTS | {"bundle": released.identity}
    )
    told = {"value": 0.625, "low": 0.5, "high": 0.75}
    klass = {"class": "normal", "title": "Normal", "images": {"a": 5, "b": 5}, "told": told}
    probe = {"network": "four, fold 1", "classes": [klass | {"chance": 0.5}]}
    write_beside(folds[0].directory, PROBE_NAME, probe)
    card = write_card(released, folds).read_text()
    assert "| four, fold 1 | Normal | a 5, b 5 | 62.5 % (50.0-75.0) | 50.0 % |" in card
    assert "with the weights as they are stored" in card
    assert "\n| contrast | normal found |\n|---|---|\n| darker | 25.0 % (20.0-30.0) |\n" in card
    assert "scores 16 test images of adults when" in card
    assert "Files that pass, and should not: others/odd.dcm." in card
    found = evaluate_runs([folds[:1]], Part.TEST, site.predictor)
    sheets = [
        phantom_sheet(folds[0], site.scorer),
        held_out_sheet(folds[0], site.predictor(folds[0], Part.TEST), rows, site.scorer),
    ]
    page = released.directory.parent / "report.html"
    write_report(page, found, ReportExtras(sheets, released.directory))
    text = page.read_text()
    page.unlink()
    sources = re.findall(r'src="([^"]*)"', text)
    assert len(sources) == 2 * sum(len(sheet.cells) for sheet in sheets) == 2 * (6 + 12)
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert len(text) < 2_000_000
    assert "62.50 (50.00-75.00)" in text
    assert released.identity in text


def test_measurements_of_another_bundle_are_refused(released: Bundle) -> None:
    """A card never tells figures that were measured of something else."""
    kept = released.directory / OUTLIER_CHECK_NAME
    before = kept.read_bytes() if kept.exists() else None
    write_beside(released.directory, OUTLIER_CHECK_NAME, trial_json(Trial("other 1", (), ())))
    try:
        with pytest.raises(TrainingError, match="found those of other 1; measure again"):
            write_card(released, ())
    finally:
        kept.unlink() if before is None else kept.write_bytes(before)
