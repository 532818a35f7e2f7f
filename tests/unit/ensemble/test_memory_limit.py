"""Where memory is short batches are halved, one picture fails at most, and none is lost."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import tensorflow as tf
from numpy.typing import NDArray
from sqlalchemy import select
from structlog.testing import capture_logs

from screening.bundles.manifest import Member, parse_manifest
from screening.bundles.registry import Bundle
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.scores import SCORE_TOLERANCE, EnsembleScores
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.examination import Failed
from screening.ensemble.input_views import PreparedInput
from screening.ensemble.memory_limit import KEPT_S, MemoryLimit, in_parts
from screening.errors import OutOfMemoryError
from screening.imaging.phantoms.phantom import write_phantoms
from tests.bundles.batches import batch_runner
from tests.bundles.hungry_network import Hungry, hungry_member, prepared
from tests.bundles.manifests import valid_manifest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a bundle of one member of three classes; its files are never opened."""
    manifest = valid_manifest()
    manifest["members"] = manifest["members"][:1]
    manifest["members"][0] |= {"weight": 1.0, "temperature": 1.0}
    for golden in manifest["golden"]:
        golden["member_scores"] = dict(list(golden["member_scores"].items())[:1])
    return Bundle(tmp_path, parse_manifest(json.dumps(manifest).encode(), tmp_path), "0" * 64)


def hungry_ensemble(bundle: Bundle, most: int) -> tuple[Ensemble, Hungry, Member]:
    """Return a real ensemble whose one network has memory for `most` pictures."""
    [described] = bundle.manifest.members
    member, hungry = hungry_member(described, most)
    return Ensemble(bundle, [member]), hungry, described


def covid19(answer: object) -> float:
    """Return the COVID-19 probability of an answer that is a score."""
    assert isinstance(answer, EnsembleScores)
    return answer.ensemble.covid19


def batch_of(described: Member, count: int) -> list[PreparedInput]:
    """Return pictures whose COVID-19 probability is a hundredth of their place."""
    return [prepared(described, (n / 100, 0.5 - n / 100, 0.5)) for n in range(count)]


def test_a_batch_is_halved_until_it_fits(bundle: Bundle) -> None:
    """Seven pictures, memory for two: all are scored, in order, and it is logged."""
    ensemble, hungry, described = hungry_ensemble(bundle, 2)
    with capture_logs() as logs:
        answers = ensemble.screen(batch_of(described, 7))
    np.testing.assert_allclose(
        [covid19(one) for one in answers], np.arange(7) / 100, atol=SCORE_TOLERANCE
    )
    assert hungry.tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert [(one["event"], one["tried"], one["size"]) for one in logs] == [
        ("batch_halved", 7, 3),
        ("batch_halved", 3, 1),
    ]


def test_the_halved_size_is_kept_for_a_while(bundle: Bundle) -> None:
    """The next batch begins with what fitted; after KEPT_S seconds with the whole again."""
    ensemble, hungry, described = hungry_ensemble(bundle, 2)
    now_s = [0.0]
    ensemble._memory_limit = MemoryLimit(clock=lambda: now_s[0])
    ensemble.screen(batch_of(described, 4))
    hungry.tried.clear()
    ensemble.screen(batch_of(described, 4))
    assert hungry.tried == [2, 2]
    hungry.tried.clear()
    now_s[0] += KEPT_S + 1
    ensemble.screen(batch_of(described, 4))
    assert hungry.tried == [4, 2, 2]


def test_memory_too_small_for_one_picture_fails_it_alone(bundle: Bundle) -> None:
    """The picture gets the coded reason, its neighbours are scored."""
    ensemble, hungry, described = hungry_ensemble(bundle, 2)
    poison = prepared(described, (0.9, 0.05, 0.05))
    known = batch_of(described, 5)

    def spare(images: NDArray[np.float32]) -> NDArray[np.float32]:
        if float(images[:, 0, 0, 0].max()) > 0.8:
            raise MemoryError
        return images

    hungry._pass = spare  # type: ignore[method-assign]  # its appetite, not ours
    answers = ensemble.screen([*known[:2], poison, *known[2:]])
    assert [type(one) for one in answers] == [EnsembleScores] * 2 + [Failed] + [EnsembleScores] * 3
    failed = answers[2]
    assert isinstance(failed, Failed)
    assert failed.reason == "out_of_memory"
    assert "300 x 300" in failed.detail


def test_memory_for_none_fails_all_soon(bundle: Bundle) -> None:
    """Where three pictures failed alone the rest are not tried: each may take ten seconds."""
    ensemble, hungry, described = hungry_ensemble(bundle, 0)
    answers = ensemble.screen(batch_of(described, 20))
    assert [type(one) for one in answers] == [Failed] * 20
    assert hungry.tried.count(1) == 3
    with pytest.raises(OutOfMemoryError):
        ensemble.infer(batch_of(described, 1))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        tf.errors.InternalError(None, None, "CUDNN_STATUS_ALLOC_FAILED in cudnn.cc"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_kind_of_short_memory_counts(bundle: Bundle, error: Exception) -> None:
    """The machine's memory, the device's, and that of the libraries below TensorFlow."""
    ensemble, _, described = hungry_ensemble(bundle, 9)

    def fail(images: object) -> None:
        del images
        raise error

    ensemble._members[0]._forward = fail
    [answer] = ensemble.screen(batch_of(described, 1))
    assert isinstance(answer, Failed)


def test_other_errors_of_the_device_are_no_lack_of_memory(bundle: Bundle) -> None:
    """They pass, so that the log has them."""
    ensemble, _, described = hungry_ensemble(bundle, 9)

    def fail(images: object) -> None:
        del images
        raise tf.errors.InternalError(None, None, "an illegal instruction was encountered")

    ensemble._members[0]._forward = fail
    with pytest.raises(tf.errors.InternalError):
        ensemble.screen(batch_of(described, 1))


def test_one_item_is_answered_once() -> None:
    """Parts are retried, answers are not doubled."""

    def answer(part: Sequence[int]) -> list[int]:
        if len(part) > 3:
            raise OutOfMemoryError
        return list(part)

    limit = MemoryLimit(clock=lambda: 0.0)
    assert in_parts(list(range(11)), limit, answer) == list(range(11))
    assert in_parts([], limit, answer) == []


def test_a_batch_in_short_memory_ends_in_rows(
    bundle: Bundle, tmp_path: Path, migrated_database: Database
) -> None:
    """With memory for one each is classified; with memory for none each waits to be tried again."""
    ensemble, hungry, _ = hungry_ensemble(bundle, 0)
    phantoms = write_phantoms(tmp_path / "phantoms", 3)
    with batch_runner(tmp_path, migrated_database, ensemble, phantoms) as runner:
        assert runner.run() == 3
        with migrated_database.read() as session:
            rows = session.scalars(select(Classification)).all()
        assert {(row.state, row.reason, row.attempts) for row in rows} == {
            ("received", "out_of_memory", 1)
        }
        hungry.most = 1
        with migrated_database.write() as session:
            for row in session.scalars(select(Classification)):
                row.not_before = None
        while runner.run():
            pass
    with migrated_database.read() as session:
        rows = session.scalars(select(Classification)).all()
    assert {(row.state, row.reason, row.attempts) for row in rows} == {("classified", None, 2)}
