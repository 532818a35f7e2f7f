"""Find studies by an accession number or a patient ID."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Instance

SEARCHED = {"accession number": Instance.accession_number, "patient ID": Instance.patient_id}


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """One study, without its patient's attributes.

    found_by: which attribute fitted. received_at: of its first image, aware, in UTC.
    """

    study_instance_uid: str
    found_by: str
    received_at: datetime
    images: int

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, the time in ISO 8601."""
        return {**asdict(self), "received_at": self.received_at.isoformat()}


def find_studies(database: Database, value: str) -> list[FoundStudy]:
    """Return the studies with an image of this accession number or patient ID, oldest first.

    value: whole, spaces around it do not count. Raises DatabaseUnavailableError.
    """
    wanted = value.strip()
    if not wanted:
        return []
    found: dict[str, FoundStudy] = {}
    with database.read() as session:
        for attribute, column in SEARCHED.items():
            statement = (
                select(
                    Instance.study_instance_uid,
                    func.min(Instance.received_at),
                    func.count(),
                )
                .where(column == wanted)
                .group_by(Instance.study_instance_uid)
            )
            for uid, received_at, images in session.execute(statement):
                found.setdefault(uid, FoundStudy(uid, attribute, received_at, images))
    return sorted(found.values(), key=lambda study: study.received_at)
