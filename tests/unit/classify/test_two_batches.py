"""Two batches under way in one worker: one is examined or recorded while the other is scored."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

from sqlalchemy import select, update

from screening.bundles.manifest import parse_manifest
from screening.bundles.registry import Bundle
from screening.classify.batch import BatchRunner
from screening.classify.second_thread import SecondThread
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.eligibility import Reason, Refusal
from screening.ensemble.ensemble import Ensemble, Screened
from screening.ensemble.examination import Failed
from screening.ensemble.input_views import PreparedInput
from screening.errors import DatabaseUnavailableError
from screening.imaging.phantoms.phantom import write_phantoms
from tests.bundles.batches import batch_runner
from tests.bundles.manifests import valid_manifest

pytestmark = pytest.mark.tensorflow

TIMEOUT_S = 30
REFUSAL = Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, "distance 9.00 from known radiographs")


class Seen(Ensemble):
    """An ensemble without networks that refuses everything, and shows when."""

    def __init__(self, folder: Path) -> None:
        manifest = parse_manifest(json.dumps(valid_manifest()).encode(), folder)
        super().__init__(Bundle(folder, manifest, "0" * 64), [])
        self.at_preparing: Callable[[], object] = lambda: None
        self.at_scoring: Callable[[], object] = lambda: None

    def prepare(self, image: NDArray[np.uint8], curve: object = None) -> PreparedInput:
        """Prepare nothing."""
        del image, curve
        self.at_preparing()
        return PreparedInput(())

    def screen_with_statistics(
        self, batch: Sequence[PreparedInput]
    ) -> list[Screened | Refusal | Failed]:
        """Refuse all."""
        self.at_scoring()
        return [REFUSAL] * len(batch)


@pytest.fixture
def ensemble(tmp_path: Path) -> Seen:
    """Return the ensemble of the runner."""
    return Seen(tmp_path)


@pytest.fixture
def runner(tmp_path: Path, migrated_database: Database, ensemble: Seen) -> Iterator[BatchRunner]:
    """Return a runner that has two pictures to screen, one a batch."""
    phantoms = write_phantoms(tmp_path / "phantoms", 2)
    with batch_runner(tmp_path, migrated_database, ensemble, phantoms, batch_size=1) as runner:
        yield runner


def states(database: Database) -> list[tuple[str, int]]:
    """Return state and attempts of each row."""
    with database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.id))
        return [(row.state, row.attempts) for row in rows]


def try_before(database: Database, place: int) -> None:
    """Leave the row in this place as a worker does that died."""
    with database.write() as session:
        ids = session.scalars(select(Classification.id).order_by(Classification.id)).all()
        row = Classification.id == ids[place]
        session.execute(update(Classification).where(row).values(attempts=1))


def test_the_next_batch_is_examined_while_one_is_scored(
    runner: BatchRunner, ensemble: Seen, migrated_database: Database
) -> None:
    """The first is scored once the second is examined, and none while another one is."""
    prepared, scoring, most = threading.Semaphore(0), threading.Semaphore(1), []

    def score() -> None:
        most.append(scoring.acquire(blocking=False))
        if len(most) == 1:
            assert all(prepared.acquire(timeout=TIMEOUT_S) for _ in range(2))
        scoring.release()

    ensemble.at_preparing, ensemble.at_scoring = prepared.release, score
    with SecondThread(lambda: assert_one(runner.run())) as second:
        assert runner.run(when_full=second.start) == 1
    assert most == [True, True]
    assert states(migrated_database) == [("not_applicable", 1)] * 2


def assert_one(instances: int) -> None:
    """Fail unless a batch held one instance."""
    assert instances == 1


@pytest.mark.parametrize("tried", [0, 1])
def test_a_picture_that_was_tried_before_is_alone_in_its_worker(
    tried: int, runner: BatchRunner, ensemble: Seen, migrated_database: Database
) -> None:
    """Nothing is claimed beside it, and it beside nothing; afterwards the other is."""
    try_before(migrated_database, tried)
    beside: list[int] = []
    ensemble.at_preparing = lambda: beside.append(runner.run())
    assert [runner.run(), runner.run(), runner.run()] == [1, 1, 0]
    assert beside == [0, 0]
    attempts = [2, 1] if tried == 0 else [1, 2]
    assert states(migrated_database) == [("not_applicable", n) for n in attempts]


def test_what_the_second_thread_raises_is_raised_where_it_is_waited_for() -> None:
    """Once; then it may be started again."""
    outcomes = iter([DatabaseUnavailableError("away"), None])

    def work() -> None:
        if error := next(outcomes):
            raise error

    with SecondThread(work) as second:
        assert not second.has_worked()
        second.start()
        with pytest.raises(DatabaseUnavailableError):
            second.has_worked()
        second.start()
        assert second.has_worked()
        assert not second.has_worked()


def test_what_the_second_thread_raises_is_raised_at_the_end_of_the_block() -> None:
    """Where nobody has waited for it, and the block has raised nothing itself."""

    def work() -> None:
        raise DatabaseUnavailableError("away")

    with pytest.raises(DatabaseUnavailableError), SecondThread(work) as second:
        second.start()
    with pytest.raises(ValueError, match="own"):
        raise_beside(work)


def raise_beside(work: Callable[[], None]) -> None:
    """Raise an error of the block's own while the second thread works."""
    with SecondThread(work) as second:
        second.start()
        raise ValueError("own")
