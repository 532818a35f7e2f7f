"""Take one received object: check it, make it durable, commit the row. Only then Success."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.derived.studies import ReceivedInstance
from screening.db.derived.upkeep import note_received
from screening.db.events import add_event, add_instance_event, event_values
from screening.db.insert import insert_rows, insert_rows_unless_there, insert_unless_there
from screening.db.session import Database
from screening.db.tables.instances import Association, Classification, Event, Instance
from screening.domain.instance import fault_of_uid
from screening.domain.shown_values import shown_uid
from screening.errors import FileRemovedError, SOPClassMismatchError, StudyMismatchError
from screening.imaging.dicom.completeness import read_complete_header
from screening.imaging.dicom.header import ObjectHeader
from screening.receive.objects.group_commit import GroupCommit
from screening.spool.store import Spool, data_set_sha256


class Outcome(StrEnum):
    """What happened to an object that was answered with Success."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICTED = "conflicted"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who sends: one association, or one STOW-RS request, whose called AE title is STOW-RS."""

    association_id: str
    calling_ae_title: str
    called_ae_title: str
    address: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """What the request to store it, or its File Meta Information, said of the object."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""
    """Of the study that the request is for; "": of any."""


@dataclass(frozen=True, slots=True)
class _Object:
    header: ObjectHeader
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """An object that is durable and has no row yet."""

    taken: _Object
    peer: Peer

    @property
    def order(self) -> tuple[str, str]:
        """By which rows are inserted."""
        return self.taken.header.instance.sop_instance_uid, self.taken.sha256


class Intake:
    """Takes objects into spool and database."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self._database = database
        self._spool = spool
        self._commits = GroupCommit[_Kept, Outcome](self._record)

    def take(
        self, path: Path, request: Request, peer: Peer, *, sha256: str | None = None
    ) -> Outcome:
        """Check the object at `path`, keep it and commit its row.

        sha256: of its data set, where that is known already.
        Raises RejectedInstanceError where the object is at fault and TransientError where the
        environment is; there is no row then. A file that was kept before the database failed
        stays, and is the same file when the sender comes again.
        """
        self._spool.require_space()
        header = read_complete_header(path)
        _require_match(header, request)
        taken = _Object(header, sha256 or data_set_sha256(path), path.stat().st_size)
        self._spool.keep(path, taken.sha256)
        return self._commits.submit(_Kept(taken, peer))

    def _record(self, group: Sequence[_Kept]) -> list[Outcome]:
        """Commit the rows of objects that are kept, in one transaction."""
        with self._database.write() as session:
            peers = {one.peer.association_id: one.peer for one in group}
            rows = [_association_values(peers[name]) for name in sorted(peers)]
            insert_rows_unless_there(session, Association, rows)
            now = utc_now()
            recorded = {  # in one order, so that no two transactions wait in a circle
                place: self._insert(session, group[place], now)
                for place in sorted(range(len(group)), key=lambda place: group[place].order)
            }
            insert_rows(
                session,
                Classification,
                [
                    {"instance_id": instance_id, "created_at": now}
                    for _, instance_id in recorded.values()
                    if instance_id is not None
                ],
            )
            outcomes = [recorded[place][0] for place in range(len(group))]
            events = list(map(_outcome_event, group, outcomes))
            insert_rows(session, Event, events)
        return outcomes

    def _insert(self, session: Session, kept: _Kept, now: datetime) -> tuple[Outcome, int | None]:
        """Return what becomes of an object, and the id of its row where that is new."""
        taken, peer = kept.taken, kept.peer
        instance_id = _insert_instance(session, taken, peer, now, conflicting=False)
        if instance_id is not None:
            return Outcome.STORED, instance_id
        if self._is_known(session, taken):
            return Outcome.REPEATED, None
        instance_id = _insert_instance(session, taken, peer, now, conflicting=True)
        return Outcome.REPEATED if instance_id is None else Outcome.CONFLICTED, instance_id

    def _is_known(self, session: Session, taken: _Object) -> bool:
        """Return whether this object has a row; restore its file where retention has removed it."""
        row = session.scalar(
            select(Instance)
            .where(
                Instance.sop_instance_uid == taken.header.instance.sop_instance_uid,
                Instance.sha256 == taken.sha256,
            )
            .with_for_update()
        )
        if row is not None and row.removing_since is not None:
            self._take_back(session, row)
        return row is not None

    def _take_back(self, session: Session, row: Instance) -> None:
        """Have a removed object's row claim its file again, which retention may just have taken.

        Retention removes files under the row's lock, which is held here.
        """
        if not self._spool.path_of(row.sha256).exists():
            raise FileRemovedError(
                "the object was removed by retention while it was received again; send it again"
            )
        row.kept_since = utc_now()
        row.removing_since = row.removed_at = None
        add_instance_event(session, row, "instance_returned", size_bytes=row.size_bytes)

    def record_refusal(self, request: Request, peer: Peer, *, status: int, reason: str) -> None:
        """Record an object that was not taken.

        Raises DatabaseUnavailableError where even that cannot be recorded.
        """
        with self._database.write() as session:
            insert_unless_there(session, Association, **_association_values(peer))
            add_event(
                session,
                "instance_refused",
                sop_instance_uid=_as_key(request.sop_instance_uid),
                status=f"0x{status:04X}",
                reason=reason,
                calling_ae_title=peer.calling_ae_title,
                association_id=peer.association_id,
            )

    def record_close(
        self, peer: Peer, *, outcome: str, stored: int, repeated: int, refused: int
    ) -> None:
        """Record how an association that sent objects ended.

        Raises DatabaseUnavailableError where it cannot be recorded.
        """
        with self._database.write() as session:
            association = session.get(Association, peer.association_id)
            if association is not None:
                association.closed_at = utc_now()
                association.outcome = outcome
                association.stored = stored
                association.repeated = repeated
                association.refused = refused


def _as_key(uid: str) -> str | None:
    """Return a UID by which an event can be looked up; of another text, no part."""
    return uid if uid and not fault_of_uid(uid) else None


def _require_match(header: ObjectHeader, request: Request) -> None:
    found = (header.instance.sop_class_uid, header.instance.sop_instance_uid)
    expected = (request.sop_class_uid, request.sop_instance_uid)
    if found != expected:
        raise SOPClassMismatchError(
            f"expected the data set to be {' '.join(map(shown_uid, expected))} as requested, "
            f"found {' '.join(map(shown_uid, found))}"
        )
    study = header.instance.study_instance_uid
    if request.study_instance_uid not in {"", study}:
        raise StudyMismatchError(
            f"expected an object of the study {shown_uid(request.study_instance_uid)}, "
            f"found one of {shown_uid(study)}; send it to its own study"
        )


def _association_values(peer: Peer) -> dict[str, object]:
    return {
        "id": peer.association_id,
        "calling_ae_title": peer.calling_ae_title,
        "called_ae_title": peer.called_ae_title,
        "peer_address": peer.address,
        "opened_at": peer.opened_at,
    }


def _insert_instance(
    session: Session, taken: _Object, peer: Peer, now: datetime, *, conflicting: bool
) -> int | None:
    """Return the new row's id; None where the object, or its SOP Instance UID, is there already."""
    instance, patient = taken.header.instance, taken.header.patient
    values = {
        "sop_instance_uid": instance.sop_instance_uid,
        "sop_class_uid": instance.sop_class_uid,
        "study_instance_uid": instance.study_instance_uid,
        "series_instance_uid": instance.series_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "sha256": taken.sha256,
        "conflicting": conflicting,
        "size_bytes": taken.size_bytes,
        "modality": instance.modality[:16],
        "calling_ae_title": peer.calling_ae_title,
        "association_id": peer.association_id,
        "received_at": now,
        "patient_id": patient.patient_id,
        "patient_name": patient.patient_name,
        "patient_birth_date": patient.patient_birth_date,
        "patient_sex": patient.patient_sex,
        "patient_age": patient.patient_age,
        "accession_number": patient.accession_number,
        "study_date": patient.study_date,
        "study_time": patient.study_time,
        "study_description": patient.study_description,
    }
    instance_id: int | None = insert_unless_there(session, Instance, **values)
    if instance_id is not None:
        note_received(session, ReceivedInstance(instance_id, values), waits=not conflicting)
    return instance_id


_EVENTS = {
    Outcome.STORED: "instance_received",
    Outcome.REPEATED: "instance_repeated",
    Outcome.CONFLICTED: "instance_conflicted",
}


def _outcome_event(kept: _Kept, outcome: Outcome) -> dict[str, object]:
    taken, peer = kept.taken, kept.peer
    return event_values(
        _EVENTS[outcome],
        study_instance_uid=taken.header.instance.study_instance_uid,
        sop_instance_uid=taken.header.instance.sop_instance_uid,
        association_id=peer.association_id,
        calling_ae_title=peer.calling_ae_title,
        size_bytes=taken.size_bytes,
        sha256=taken.sha256,
    )
