"""A site's grey-level curve: what it changes of an image's scores, and that all score alike."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import numpy as np
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.calibrations import SiteCalibrationRow
from screening.db.tables.instances import Classification
from screening.domain.eligibility import EligibilityRules
from screening.domain.grey_curve import GreyCurve
from screening.domain.scores import SCORE_TOLERANCE, Class
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.score_files import curve_of_files, score_files
from screening.imaging.network_input.grey_levels import (
    level_quantiles,
    training_quantiles,
    with_curve,
)
from screening.imaging.phantoms.phantom import write_phantoms
from tests.bundles.batches import batch_runner
from tests.bundles.checked_bundle import Make, known, unknown
from tests.bundles.same_scores import assert_same_scores, scores_of
from tests.rows.calibration_files import ALONE, CONTENT, LEVELS
from tests.rows.stored import NOON
from tests.training.image_rows import image_row
from training.left_out.site_levels import scores_without_and_with, site_curve

pytestmark = pytest.mark.tensorflow

RULES = EligibilityRules()
CURVE = GreyCurve(tuple(round(255 * (level / 255) ** 3) for level in range(256)))


def test_a_grey_level_curve_changes_scores_and_nothing_else(make_bundle: Make) -> None:
    """Scores are those of images with these levels; outlier check and drift see none of it."""
    ensemble = Ensemble.load(make_bundle(checked=True))
    images = [known()[0], unknown()[0], known()[1]]
    plain = ensemble.infer([ensemble.prepare(image) for image in images])
    curved = ensemble.infer([ensemble.prepare(image, CURVE) for image in images])
    assert_same_scores(
        [one.scores for one in curved],
        scores_of(ensemble, [with_curve(image, CURVE) for image in images]),
    )
    assert [one.scores for one in curved] != [one.scores for one in plain]
    assert [one.refusal is None for one in curved] == [True, False, True]
    assert [one.statistics for one in curved] == [one.statistics for one in plain]
    one = ensemble.prepare(images[0], CURVE)
    assert ensemble.level_quantiles(one) == plain[0].statistics.level_quantiles
    assert ensemble.refusals([one]) == [None]


def test_worker_evaluation_and_files_score_with_a_curve_alike(
    make_bundle: Make, tmp_path: Path, migrated_database: Database
) -> None:
    """The same images and the curve in force for their sender give the same scores everywhere."""
    ensemble = Ensemble.load(make_bundle(checked=False))
    objects = write_phantoms(tmp_path / "phantoms", 4)
    rows = [image_row(f"{n}", path=path, hospital="here") for n, path in enumerate(objects)]
    training = training_quantiles([level_quantiles(image) for image in known()[:4]])
    curve = site_curve(ensemble, rows, training)
    assert curve == curve_of_files(ensemble, objects, RULES, training, most=9)
    plain, curved = scores_without_and_with(ensemble, rows, {"here": curve})
    with batch_runner(tmp_path, migrated_database, ensemble, objects) as runner:
        with migrated_database.write() as session:
            session.add(
                SiteCalibrationRow(
                    calling_ae_title="",
                    version=1,
                    bundle_id=1,
                    content=CONTENT | ALONE | {"grey_levels": levels_of(curve)},
                    sha256="ab" * 32,
                    made_at=NOON,
                    made_by="ann",
                )
            )
        assert runner.run() == 4
    with migrated_database.read() as session:
        found = session.scalars(select(Classification).order_by(Classification.id)).all()
    assert {row.grey_curve_sha256 for row in found} == {curve.sha256}
    by_worker = [[row.covid19, row.pneumonia, row.normal] for row in found]
    np.testing.assert_allclose(by_worker, curved, atol=SCORE_TOLERANCE)
    assert np.abs(plain - curved).max() > SCORE_TOLERANCE
    of_files = [one.scores for one in score_files(ensemble, objects, RULES, curve)]
    told = [[one.ensemble.of(klass) for klass in Class] for one in of_files if one]
    np.testing.assert_allclose(told, curved, atol=SCORE_TOLERANCE)


def levels_of(curve: GreyCurve) -> dict[str, object]:
    """Return the section of a calibration's file."""
    return {**LEVELS["grey_levels"], "becomes": list(curve.becomes)}
