"""Has every transaction keep what is derived from its rows: the `studies` table and the totals.

Nobody calls this but `Database.write`: the session notes which rows were changed in a column that
the list or the ledger shows, and before the commit their studies are computed anew. A statement
that changes such columns past the session's objects is refused, unless its caller has noted what
it changes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, event, inspect, select, text
from sqlalchemy.orm import ORMExecuteState, Session

from screening.db.derived.studies import ReceivedInstance, add_received, refresh_studies
from screening.db.derived.totals import Counts, Kind, add_to_totals
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.db.tables.readings import Feedback, Reading
from screening.domain.lifecycle import PeerCommitmentRequestState

WATCHED: dict[type, frozenset[str]] = {
    Instance: frozenset(
        {
            "study_instance_uid",
            "conflicting",
            "patient_id",
            "patient_name",
            "patient_birth_date",
            "patient_sex",
            "patient_age",
            "accession_number",
            "study_date",
            "study_time",
            "study_description",
            "modality",
            "calling_ae_title",
            "received_at",
            "removed_at",
        }
    ),
    Classification: frozenset(
        {
            "state",
            "reason",
            "lane",
            "finished_at",
            "covid19",
            "pneumonia",
            "normal",
            "priority",
            "priority_rule",
            "priority_score",
            "stands_since",
            "report_state",
            "report_revision",
        }
    ),
    Delivery: frozenset({"state", "destination"}),
    ReportCommitment: frozenset({"state"}),
    PeerCommitmentRequest: frozenset({"state"}),
    Reading: frozenset(
        {
            "study_instance_uid",
            "state",
            "claimed_by",
            "claimed_at",
            "images",
            "held_priority",
            "held_rank",
            "held_rule",
            "held_score",
            "read_by",
            "read_at",
        }
    ),
    Feedback: frozenset({"study_instance_uid", "label", "called", "bundle_id"}),
}
"""Columns that the list or the ledger shows, by table."""
NOTED = {"noted": True}
"""Execution options of a statement whose changes its caller has noted."""

BY_INDEX = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"
)
"""Has PostgreSQL read a few studies by their keys for the rest of the transaction, also while its
statistics lag behind a table that grew."""


@dataclass(slots=True)
class _Noted:
    """What a transaction has changed so far: keys of rows by table, studies, new instances."""

    keys: dict[type, set[int]] = field(default_factory=dict)
    studies: set[str] = field(default_factory=set)
    received: list[ReceivedInstance] = field(default_factory=list)
    totals: Counts = field(default_factory=Counter)


class DerivingSession(Session):
    """A session of a transaction that writes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.noted = _Noted()


def note_rows(session: Session, table: type, ids: Iterable[int]) -> None:
    """Say that a statement changes, adds or removes what belongs to these rows."""
    _noted(session).keys.setdefault(table, set()).update(ids)


def note_studies(session: Session, study_instance_uids: Iterable[str]) -> None:
    """Say that what these studies' rows are derived from changes."""
    _noted(session).studies.update(study_instance_uids)


def note_received(session: Session, received: ReceivedInstance, *, waits: bool) -> None:
    """Count a new instance. waits: it is in no conflict and waits for its classification."""
    noted = _noted(session)
    noted.totals[Kind.RECEIVED, "", ""] += 1
    if waits:
        noted.received.append(received)
    else:
        noted.studies.add(received.study_instance_uid)


def note_requested(session: Session, calling_ae_title: str, state: str) -> None:
    """Count a new request for commitment."""
    _noted(session).totals[Kind.PEER_COMMITMENT_REQUESTS, state, calling_ae_title] += 1


def keep_derived(session: DerivingSession) -> None:
    """Bring studies and totals to what the transaction's rows say; its last step."""
    session.flush()
    noted, session.noted = session.noted, _Noted()
    new = {one.id for one in noted.received}
    noted.keys.setdefault(Instance, set()).difference_update(new)
    studies = noted.studies
    if session.get_bind().dialect.name == "postgresql" and (studies or any(noted.keys.values())):
        session.execute(BY_INDEX)
    for table, ids in noted.keys.items():
        if ids:
            studies.update(session.scalars(_STUDIES_OF[table].where(table.id.in_(ids))))  # type: ignore[attr-defined]  # every table here has an id
    changes = refresh_studies(session, studies)
    received = [one for one in noted.received if one.study_instance_uid not in studies]
    changes.update(add_received(session, received))
    changes.update(noted.totals)
    add_to_totals(session, changes)


_of_instance = select(Instance.study_instance_uid).distinct()
_of_classification = _of_instance.join(Classification)
_of_delivery = _of_classification.join(Report, Report.classification_id == Classification.id).join(
    Delivery
)
_STUDIES_OF: dict[type, Select[Any]] = {
    Instance: _of_instance,
    Delivery: _of_delivery,
}


def _noted(session: Session) -> _Noted:
    if not isinstance(session, DerivingSession):
        raise TypeError("expected a session of Database.write, found one that only reads")
    return session.noted


@event.listens_for(DerivingSession, "after_flush")
def _note_flushed(session: DerivingSession, context: object) -> None:
    del context
    for row in (*session.new, *session.deleted):
        if type(row) in WATCHED:
            _note(session, row, is_new=row in session.new)
    for row in session.dirty:
        watched = WATCHED.get(type(row))
        if watched and any(inspect(row).attrs[name].history.has_changes() for name in watched):
            _note(session, row, is_new=False)


def _note(session: DerivingSession, row: Any, *, is_new: bool) -> None:
    match row:
        case Instance():
            session.noted.studies.add(row.study_instance_uid)
            session.noted.totals[Kind.RECEIVED, "", ""] += is_new
        case Classification():
            note_rows(session, Instance, [row.instance_id])
        case Delivery():
            note_rows(session, Delivery, [row.id])
        case ReportCommitment():
            note_rows(session, Delivery, [row.delivery_id])
        case Reading() | Feedback():
            session.noted.studies.add(row.study_instance_uid)
        case PeerCommitmentRequest():
            _note_request(session, row, is_new=is_new)


def _note_request(session: DerivingSession, row: PeerCommitmentRequest, *, is_new: bool) -> None:
    history = inspect(row).attrs.state.history
    new = history.added or ([PeerCommitmentRequestState.DUE] if is_new else [])
    for sign, states in ((1, new), (-1, history.deleted)):
        for state in states:
            session.noted.totals[Kind.PEER_COMMITMENT_REQUESTS, state, row.calling_ae_title] += sign


@event.listens_for(DerivingSession, "do_orm_execute")
def _require_noted(state: ORMExecuteState) -> None:
    """Refuse a statement that changes watched columns past the session's objects, unless noted."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    watched = WATCHED.get(state.bind_mapper.class_)
    if watched is None or state.execution_options.get("noted"):
        return
    named = {getattr(key, "name", key) for key in getattr(state.statement, "_values", None) or {}}
    if state.is_update and named and not named & watched:
        return
    raise RuntimeError(
        f"expected a statement on {state.bind_mapper.local_table} whose changes are noted, found "
        "one that the worklist and the ledger would miss; see screening.db.derived.upkeep"
    )
