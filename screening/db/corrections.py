"""Corrections as operators see them: both versions side by side, and who decided what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from screening.db.session import Database
from screening.db.tables.decisions import Correction
from screening.db.tables.instances import Instance
from screening.domain.correction import Compared, compare
from screening.domain.lifecycle import CorrectionState


@dataclass(frozen=True, slots=True)
class CorrectionDetail:
    """One object with the same picture as the one that stands, and another identification.

    compared: every attribute that counts, of what stands now and of this one; where this one
    stands, of what it replaced. studies: the Study Instance UIDs of both. Times are aware.
    """

    id: int
    state: CorrectionState
    sop_instance_uid: str
    studies: tuple[str, ...]
    calling_ae_title: str
    received_at: datetime
    decided_at: datetime | None
    decided_by: str
    compared: tuple[Compared, ...] = field(repr=False)

    @property
    def differing(self) -> tuple[Compared, ...]:
        """What the two say differently."""
        return tuple(one for one in self.compared if one.differs)


def read_corrections(
    database: Database,
    *,
    states: Sequence[CorrectionState] = (CorrectionState.WAITING,),
    study_instance_uid: str | None = None,
    limit: int | None = None,
) -> list[CorrectionDetail]:
    """Return corrections in these states, oldest first; of one study or of all.

    Raises DatabaseUnavailableError.
    """
    which: list[ColumnElement[bool]] = [Correction.state.in_(states)]
    if study_instance_uid is not None:
        which.append(_concerns(study_instance_uid))
    rows = select(Correction).join(Instance).where(*which).order_by(Correction.id).limit(limit)
    with database.read() as session:
        return [_detail(session, row) for row in session.scalars(rows)]


def read_correction(database: Database, correction_id: int) -> CorrectionDetail | None:
    """Return one correction, None where there is none of this number.

    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        row = session.get(Correction, correction_id)
        return None if row is None else _detail(session, row)


def _concerns(study_instance_uid: str) -> ColumnElement[bool]:
    """Select corrections in this study, and of what stands in it."""
    other = aliased(Instance)
    of_study = select(other.sop_instance_uid).where(other.study_instance_uid == study_instance_uid)
    return or_(
        Instance.study_instance_uid == study_instance_uid,
        Instance.sop_instance_uid.in_(of_study),
    )


def _other(session: Session, row: Correction) -> Instance:
    """Return what stands; where this one does, what it replaced."""
    same = Instance.sop_instance_uid == row.instance.sop_instance_uid
    if row.instance.conflicting:
        return session.scalars(select(Instance).where(same, ~Instance.conflicting)).one()
    replaced = (
        select(Instance)
        .join(Correction)
        .where(same, Correction.state == CorrectionState.REPLACED)
        .order_by(Correction.decided_at.desc(), Correction.id.desc())
        .limit(1)
    )
    return session.scalars(replaced).one()


def _detail(session: Session, row: Correction) -> CorrectionDetail:
    instance = row.instance
    other = _other(session, row)
    studies = dict.fromkeys((other.study_instance_uid, instance.study_instance_uid))
    return CorrectionDetail(
        id=row.id,
        state=CorrectionState(row.state),
        sop_instance_uid=instance.sop_instance_uid,
        studies=tuple(studies),
        calling_ae_title=instance.calling_ae_title,
        received_at=instance.received_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by or "",
        compared=compare(other.identification or {}, instance.identification or {}),
    )
