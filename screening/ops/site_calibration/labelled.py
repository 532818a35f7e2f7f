"""Labels brought together with the results of the images that they name."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from screening.calibration.labels import Identifier, Label, LabelFile, in_lines
from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.domain import reading
from screening.domain.scores import ClassScores
from screening.domain.site_calibration import highest_of_study
from screening.errors import CalibrationError
from screening.ops.site_calibration.sample import ScoredImage

UIDS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class LabelledStudy:
    """A study, or those of its images with one label: their highest scores, and the class.

    Another abnormality is none of the classes that are scored: it counts against each of them.
    """

    scores: ClassScores
    klass: reading.Label


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the labels give.

    without_score: labels of what was received, and has no score of the active bundle. elsewhere:
    labels of what another calling AE title sent, or was received before.
    """

    studies: tuple[LabelledStudy, ...]
    without_score: int
    elsewhere: int


def labelled_studies(
    database: Database,
    file: LabelFile,
    *,
    every: Sequence[ScoredImage],
    chosen: Sequence[ScoredImage],
) -> Labelled:
    """Return the labelled studies among the chosen images.

    every: all images with a score of the active bundle; chosen: those to calibrate for.
    Raises CalibrationError where a label names nothing that was received, or several studies.
    """
    _refuse_unknown(database, file)
    of_value: defaultdict[str, list[ScoredImage]] = defaultdict(list)
    for image in chosen:
        of_value[_value(image, file.identifier)].append(image)
    scored = {_value(image, file.identifier) for image in every}
    by_study: defaultdict[tuple[str, reading.Label], list[ClassScores]] = defaultdict(list)
    without_score = elsewhere = 0
    for label in file.labels:
        images = of_value.get(label.value, [])
        _refuse_several(label, images)
        if not images:
            elsewhere += label.value in scored
            without_score += label.value not in scored
        for image in images:
            by_study[image.study_instance_uid, label.klass].append(image.scores)
    return Labelled(
        tuple(LabelledStudy(highest_of_study(s), key[1]) for key, s in sorted(by_study.items())),
        without_score,
        elsewhere,
    )


def _value(image: ScoredImage, identifier: Identifier) -> str:
    return str(getattr(image, identifier.value))


def _refuse_unknown(database: Database, file: LabelFile) -> None:
    column = getattr(Instance, file.identifier.value)
    values = [label.value for label in file.labels]
    known: set[str] = set()
    with database.read() as session:
        for start in range(0, len(values), UIDS_A_STATEMENT):
            some = values[start : start + UIDS_A_STATEMENT]
            known.update(session.scalars(select(column).where(column.in_(some)).distinct()))
    lines = [label.line for label in file.labels if label.value not in known]
    if lines:
        raise CalibrationError(
            f"expected labels of images that were received here, found an unknown "
            f"{file.identifier} in {in_lines(lines)}; correct the file. Nothing was applied"
        )


def _refuse_several(label: Label, images: Sequence[ScoredImage]) -> None:
    """Refuse an accession number of several studies: which of them the label is of is unknown."""
    studies = {image.study_instance_uid for image in images}
    if len(studies) > 1:
        raise CalibrationError(
            f"expected one study for the label in line {label.line}, found {len(studies)} with "
            "this accession number; name them by study_instance_uid. Nothing was applied"
        )
