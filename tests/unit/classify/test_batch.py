"""A batch: what becomes of its pictures, and that somebody watches over it."""

import faulthandler
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

from sqlalchemy import select

from screening.bundles.manifest import parse_manifest
from screening.bundles.registry import Bundle
from screening.classify.batch import BatchRunner
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.eligibility import Reason, Refusal
from screening.domain.image_statistics import ImageStatistics
from screening.domain.scores import combine, member_scores
from screening.ensemble.ensemble import Ensemble, Screened
from screening.ensemble.examination import Failed
from screening.ensemble.input_views import PreparedInput
from screening.imaging.phantoms.phantom import write_phantoms
from tests.bundles.batches import batch_runner
from tests.bundles.manifests import valid_manifest

pytestmark = pytest.mark.tensorflow

CLASSES = ("covid19", "pneumonia", "normal")
STATISTICS = ImageStatistics(12.0, 120.0, 240.0, 0.02, 1.1, (0.5, -0.25))


class RefusesEverySecond(Ensemble):
    """An ensemble without networks, which knows the first picture and not the second."""

    def prepare(self, image: NDArray[np.uint8], curve: object = None) -> PreparedInput:
        """Prepare nothing."""
        del image, curve
        return PreparedInput(())

    def screen_with_statistics(
        self, batch: Sequence[PreparedInput]
    ) -> list[Screened | Refusal | Failed]:
        """Score and refuse in turn."""
        member = member_scores("one", CLASSES, (0.95, 0.03, 0.02), 1.0)
        scores = Screened(combine([member], [1.0]), STATISTICS)
        refusal = Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, "distance 9.00 from known radiographs")
        return [refusal if place % 2 else scores for place in range(len(batch))]


@pytest.fixture
def runner(tmp_path: Path, migrated_database: Database) -> Iterator[BatchRunner]:
    """Return a runner that has two pictures to screen."""
    bundle = Bundle(
        tmp_path, parse_manifest(json.dumps(valid_manifest()).encode(), tmp_path), "0" * 64
    )
    ensemble, phantoms = RefusesEverySecond(bundle, []), write_phantoms(tmp_path / "phantoms", 2)
    with batch_runner(tmp_path, migrated_database, ensemble, phantoms) as runner:
        yield runner


def test_a_refused_picture_is_not_applicable(
    runner: BatchRunner, migrated_database: Database
) -> None:
    """Its row has reason and distance and no score; its neighbour is classified."""
    assert runner.run() == 2
    with migrated_database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.id)).all()
    assert [(row.state, row.reason) for row in rows] == [
        ("classified", None),
        ("not_applicable", "unlike_chest_radiograph"),
    ]
    assert rows[0].priority == "STAT"
    assert rows[0].image_statistics == STATISTICS.as_dict()
    assert rows[1].image_statistics is None
    assert rows[1].detail == "distance 9.00 from known radiographs"
    assert rows[1].covid19 is None
    assert rows[1].report_state == "none"


def test_a_batch_is_watched_while_it_is_worked_on(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first picture that is decoded to the last that is scored, and no longer."""
    watches: list[bool] = []
    seen = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda *_, **__: watches.append(True))
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", watches.clear)

    def seen_at(work: Callable[..., Any]) -> Callable[..., Any]:
        def looking(*arguments: Any, **named: Any) -> Any:
            seen.append(list(watches))
            return work(*arguments, **named)

        return looking

    for name in ("prepare", "screen_with_statistics"):
        monkeypatch.setattr(RefusesEverySecond, name, seen_at(getattr(RefusesEverySecond, name)))
    assert runner.run() == 2
    assert seen == [[True]] * 3
    assert watches == []
