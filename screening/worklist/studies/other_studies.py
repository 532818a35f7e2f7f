"""Other studies with the same patient ID: what a reader compares with."""

from dataclasses import dataclass, field

from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.db.tables.studies import Study
from screening.domain.shown_values import is_uid
from screening.worklist.studies.ordering import ReadingPriority, WorklistEntry

MOST_OTHERS = 6


@dataclass(frozen=True, slots=True)
class OtherStudy:
    """Another study of a patient ID.

    sha256: of its newest image that is still in the spool, "" where there is none. is_same: its
    name and date of birth are those of the study that it is compared with.
    """

    study_instance_uid: str
    patient_name: str = field(repr=False)
    study_date: str = field(repr=False)
    study_description: str = field(repr=False)
    priority: ReadingPriority
    untrained: bool
    sha256: str
    is_same: bool


def read_other_studies(database: Database, entry: WorklistEntry) -> list[OtherStudy]:
    """Return the newest other studies with a study's patient ID, at most MOST_OTHERS.

    Without a patient ID there is none: an empty one is no one's.
    Raises DatabaseUnavailableError where the database is away.
    """
    if not entry.patient_id:
        return []
    of_patient = select(Instance.study_instance_uid).where(Instance.patient_id == entry.patient_id)
    statement = (
        select(Study)
        .where(
            Study.study_instance_uid.in_(of_patient),
            Study.study_instance_uid != entry.study_instance_uid,
        )
        .order_by(Study.study_date.desc(), Study.received_at.desc())
        .limit(MOST_OTHERS)
    )
    with database.read() as session:
        studies = [row for row in session.scalars(statement) if is_uid(row.study_instance_uid)]
        newest = (
            select(func.max(Instance.id))
            .where(
                Instance.study_instance_uid.in_([row.study_instance_uid for row in studies]),
                Instance.removing_since.is_(None),
                Instance.conflicting.is_(False),
            )
            .group_by(Instance.study_instance_uid)
        )
        pictures = dict(
            session.execute(
                select(Instance.study_instance_uid, Instance.sha256).where(Instance.id.in_(newest))
            ).all()
        )
        return [_other(row, entry, pictures.get(row.study_instance_uid, "")) for row in studies]


def _other(row: Study, entry: WorklistEntry, sha256: str) -> OtherStudy:
    same_name = row.patient_name.casefold() == entry.patient_name.casefold()
    return OtherStudy(
        study_instance_uid=row.study_instance_uid,
        patient_name=row.patient_name,
        study_date=row.study_date,
        study_description=row.study_description or "",
        priority=ReadingPriority(row.priority),
        untrained=row.untrained,
        sha256=sha256,
        is_same=same_name and (row.patient_birth_date or "") == entry.patient_birth_date,
    )
