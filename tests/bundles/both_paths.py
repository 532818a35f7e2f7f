"""One set of objects, through the worker's path and through the evaluation's."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.scores import SCORE_TOLERANCE, Class
from screening.ensemble.ensemble import Ensemble, Inference
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.rendering.radiograph_file import read_radiograph
from tests.bundles.batches import batch_runner
from tests.peers.receiving import radiograph
from training.inference.bundle_inference import infer_files, member_predictions, refusals_of
from training.inference.combination import Combination, combined_scores
from training.outliers.outlier_images import CHANGES, DRAWN
from training.outliers.trial import PASSED, outcome_of_file
from training.runs.held_out_scores import Example

SHAPE = (512, 480)


def write_objects(folder: Path) -> list[Path]:
    """Write phantoms as they are, rotated and inverted, drawn images, and one that is narrow."""
    images = [phantom_image(seed, *SHAPE) for seed in (1, 2, 3)]
    images += [change(images[0]) for change in CHANGES.values()]
    images += [draw(seed) for draw in DRAWN.values() for seed in (0, 1)]
    images.append(np.ascontiguousarray(images[0][:, :200]))
    folder.mkdir()
    return [_written(folder / f"{place:02}.dcm", image) for place, image in enumerate(images)]


def _written(path: Path, image: NDArray[np.uint8]) -> Path:
    rows, columns = image.shape
    path.write_bytes(radiograph(Rows=rows, Columns=columns, PixelData=image.tobytes()))
    return path


def assert_both_paths_agree(
    folder: Path, database: Database, ensemble: Ensemble, objects: Sequence[Path]
) -> Counter[str]:
    """Compare scores and refusals of the worker's rows with the evaluation's; count outcomes.

    Scores may differ by `SCORE_TOLERANCE`, since the batches are others; refusals not at all.
    """
    with batch_runner(folder, database, ensemble, objects) as runner:
        while runner.run():
            pass
    with database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.id)).all()
    inferred = infer_files(ensemble, objects)
    refusals = refusals_of(ensemble, [read_radiograph(path).pixels for path in objects])
    published = _published(ensemble, inferred)
    for path, row, found, refusal, scores in zip(
        objects, rows, inferred, refusals, published, strict=True
    ):
        assert found.refusal == refusal
        if row.state == "classified":
            assert refusal is None
            assert outcome_of_file(ensemble, path) == PASSED
            screened = [row.covid19, row.pneumonia, row.normal]
            assert screened == pytest.approx(scores, abs=SCORE_TOLERANCE)
            own = {
                one.member: pytest.approx(one.raw, abs=SCORE_TOLERANCE)
                for one in found.scores.members
            }
            assert {name: one["raw"] for name, one in row.member_scores.items()} == own
        else:
            assert refusal is not None, f"{path.name}: {row.state}, {row.reason}, {row.detail}"
            assert (row.state, row.reason) == ("not_applicable", refusal.reason)
            assert row.detail == refusal.found
            assert outcome_of_file(ensemble, path) == refusal.reason
    return Counter(row.reason or row.state for row in rows)


def _published(ensemble: Ensemble, inferred: Sequence[Inference]) -> list[list[float]]:
    """Return the scores, in the order of `Class`, that the evaluation makes its figures of."""
    assert list(Class) == [Class.COVID19, Class.PNEUMONIA, Class.NORMAL]
    members = ensemble.bundle.manifest.members
    examples = tuple(
        Example(str(place), str(place), "a test", "normal", 0, group_in_training=False)
        for place in range(len(inferred))
    )
    combination = Combination(
        tuple(member.temperature for member in members), tuple(member.weight for member in members)
    )
    predictions = member_predictions(members, examples, inferred)
    found: list[list[float]] = combined_scores(predictions, combination).probabilities.tolist()
    return found
