"""Made-up scores of images of hospitals, and runs that keep them without their weights."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from screening.domain.scores import Class
from screening.domain.triage import Priority, TriageRule
from tests.training.image_rows import image_row
from training.data.manifest import ABNORMAL, ImageRow, Label
from training.data.splits import Part
from training.left_out.scores import HospitalScores, scores_of_rows
from training.protocols.plan import FoldPlan
from training.runs.folder import RunRecord, read_run, write_run, write_split
from training.runs.held_out_scores import Predictions, TrainedFold, examples_of, write_kept

RULES = (
    TriageRule(Priority.STAT, Class.COVID19, 0.8),
    TriageRule(Priority.HIGH, Class.COVID19, 0.5),
    TriageRule(Priority.MEDIUM, Class.COVID19, 0.3),
)
THREE = tuple(klass.value for klass in Class)
CLASS_NAMES = {Label.COVID19: "covid19", Label.NORMAL: "normal", Label.BACTERIAL: "pneumonia"}


def rows_of(hospital: str, counts: Mapping[Label, int], **changes: object) -> list[ImageRow]:
    """Return so many images of each label, each of its own patient."""
    return [
        image_row(f"{hospital} {label} {n}", label=label, source=hospital, **changes)
        for label, count in counts.items()
        for n in range(count)
    ]


def predictions(rows: list[ImageRow], covid19: list[float], normal: float = 0.1) -> HospitalScores:
    """Return scores with these COVID-19 scores."""
    scores = np.array(
        [[score, 1 - score - normal * (1 - score), normal * (1 - score)] for score in covid19]
    )
    return scores_of_rows(rows, scores, RULES)


def run_without_weights(
    folder: Path, rows: list[ImageRow], left_out: str, *, wrong: float = 0.0
) -> Path:
    """Write a run that left out a hospital, with kept scores: right but for a share of them.

    The other hospitals' images are, by turns, of training and validation.
    """
    record = RunRecord(
        protocol="release-concatenated",
        architecture="concatenated",
        classes=THREE,
        outputs=3,
        height=300,
        width=300,
        value_range=(0.0, 1.0),
        view="whole",
        contrast="as_rendered",
        mirrored=False,
        inner=None,
        lung_field=None,
        left_out=(left_out,),
        seed=0,
        precision="float32",
        data_digest="0" * 64,
        preprocessing_fingerprint="p",
        start={},
    )
    write_run(folder, record)
    places = range(len(rows))
    tested = tuple(n for n in places if rows[n].hospital == left_out)
    others = [n for n in places if n not in tested]
    plan = FoldPlan(
        fold=1, phases=(tuple(others[::2]),), validation=tuple(others[1::2]), test=tested
    )
    classes = [CLASS_NAMES.get(row.label, ABNORMAL) for row in rows]
    write_split(folder / "fold-1", rows, classes, plan)
    fold = TrainedFold(folder, 1, read_run(folder))
    by_digest = {row.pixels_sha256: row for row in rows}
    for part in (Part.TEST, Part.VALIDATION):
        examples = examples_of(fold, part, by_digest)
        wanted = [THREE.index("pneumonia" if q.klass == ABNORMAL else q.klass) for q in examples]
        random = np.random.default_rng(0)
        said = [int(random.integers(3)) if random.random() < wrong else place for place in wanted]
        noise = random.uniform(0, 0.1, (len(said), 3))
        outputs = np.eye(3)[said] * 0.7 + 0.1 + noise
        write_kept(
            fold, part, Predictions(THREE, examples, outputs / outputs.sum(axis=1, keepdims=True))
        )
    return folder
