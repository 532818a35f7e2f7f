"""Labels of a site's own images: recalibrated probabilities, and what is refused."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from screening.calibration.document import CalibrationDocument
from screening.calibration.labels import read_labels
from screening.db.calibrations import kept_calibrations, put_in_force
from screening.db.session import Database
from screening.domain.alert_budget import AlertBudget
from screening.domain.scores import Class, ClassScores
from screening.domain.triage import Priority
from screening.errors import CalibrationError
from screening.ops.site_calibration.derive_again import derive_again, rules_of
from screening.ops.site_calibration.labelled import labelled_studies
from screening.ops.site_calibration.make import Request, make_calibration
from screening.ops.site_calibration.sample import scored_images
from tests.rows.site import active, add_site, priorities
from tests.rows.stored import NOON

BUDGET = AlertBudget({Priority.STAT: 0.1, Priority.HIGH: 0.2})
BEFORE = NOON - timedelta(days=1)


def labels_of(tmp_path: Path, lines: Sequence[str]) -> Path:
    """Write a file of labels."""
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def with_labels(database: Database, path: Path, budget: AlertBudget | None) -> CalibrationDocument:
    """Return a calibration of all that is there, with labels."""
    bundle = active(database)
    images = scored_images(database, bundle.id)
    labelled = labelled_studies(database, read_labels(path), every=images, chosen=images)
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    request = Request(bundle, rules, "", budget, NOON)
    return make_calibration(request, images, labelled).document


def test_labels_recalibrate_the_probabilities_for_the_bundles_thresholds(
    database: Database, bundle_id: int, tmp_path: Path
) -> None:
    """Scores of 0.9 to 0.98 of which the lower three quarters were normal: few stay STAT."""
    add_site(database, bundle_id)
    lines = [f"1.2.9.1.{n},{'covid19' if n >= 30 else 'normal'}" for n in range(40)]
    path = labels_of(tmp_path, ["study_instance_uid,class", *lines])
    document = with_labels(database, path, None)
    curve = document.recalibration[Class.COVID19]
    assert (curve.method, curve.with_class, curve.without) == ("logistic", 10, 30)
    assert curve.brier_after < curve.brier_before
    assert any("only 10 labelled studies" in one for one in document.warnings)
    assert any("Pneumonia is not recalibrated" in one for one in document.warnings)
    put_in_force(database, active(database), document, by="ann")
    derive_again(database, active(database), BEFORE - timedelta(days=9))
    found = priorities(database)
    assert found[:20] == ["LOW"] * 20
    assert "recalibrated" in document.calibration(1).triage(ClassScores(0.99, 0.0, 0.01)).rule
    by_rank = with_labels(database, path, BUDGET)
    assert (by_rank.is_by_rank, set(by_rank.recalibration)) == (True, set(document.recalibration))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1.2.9.1.1,normal", "9.9.9,normal"], "unknown study_instance_uid in line 3"),
        ([f"1.2.9.1.{n},covid19" for n in range(40)], "at least two classes, found 40 studies"),
        ([f"1.2.9.1.{n},covid19" for n in range(9)], "labels of at least 30 studies .* found 9"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    database: Database, bundle_id: int, tmp_path: Path, lines: list[str], message: str
) -> None:
    """Unknown UIDs, one class, too few; nothing is kept."""
    add_site(database, bundle_id)
    path = labels_of(tmp_path, ["study_instance_uid,class", *lines])
    with pytest.raises(CalibrationError, match=message):
        with_labels(database, path, None)
    assert kept_calibrations(database) == []


def test_an_accession_number_of_two_studies_is_refused_without_naming_it(
    database: Database, bundle_id: int, tmp_path: Path
) -> None:
    """Which study the label is of cannot be told; the message names the line."""
    add_site(database, bundle_id)
    add_site(database, bundle_id, calling_ae_title="CR2")
    path = labels_of(tmp_path, ["accession_number,class", "ACC3,normal"])
    with pytest.raises(CalibrationError, match="label in line 2, found 2") as refused:
        with_labels(database, path, None)
    assert "ACC3" not in str(refused.value)
