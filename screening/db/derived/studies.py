"""The rows of `studies`, brought to what the views say they must be, with the totals they add to.

A row is locked before it is computed, and rows in one order: of two transactions that change two
images of one study the later one sees what the earlier one did, and none waits in a circle.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import case, null, or_, select
from sqlalchemy.orm import Session

from screening.db.derived.held_priorities import keep_raised
from screening.db.derived.totals import Counts, Key, Kind
from screening.db.insert import insert_of
from screening.db.tables.studies import Study
from screening.db.tables.views import PENDING, computed_figures, computed_studies
from screening.domain.reading import StudyReading

STUDIES_AT_ONCE = 200
"""For more than some 300, SQLite reads all deliveries in place of those of these studies."""
COUNTED_STATES = ("pending", "failed", "not_applicable", "classified")
TELLS_PATIENTS_APART = (
    "patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "accession_number",
)
DEMOGRAPHICS = (
    *TELLS_PATIENTS_APART,
    "patient_age",
    "study_date",
    "study_time",
    "study_description",
    "modality",
    "calling_ae_title",
)
_TABLE: Any = Study.__table__
_COLUMNS = [column.name for column in _TABLE.columns]
_NOTHING: dict[str, Any] = dict.fromkeys(_COLUMNS)


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """A new instance that waits for its classification and is in no conflict.

    values: its columns as they were inserted, by name.
    """

    id: int
    values: dict[str, Any]

    @property
    def study_instance_uid(self) -> str:
        """The study it belongs to."""
        return str(self.values["study_instance_uid"])


def refresh_studies(session: Session, study_instance_uids: Iterable[str]) -> Counts:
    """Bring these studies' rows to what the other rows say; return what changes in the totals.

    Called at the end of the transaction that changed instances, classifications, deliveries or
    commitments of them, after its last other row. Costs time in proportion to their instances.
    """
    every = sorted(set(study_instance_uids))
    changes: Counts = Counter()
    for start in range(0, len(every), STUDIES_AT_ONCE):
        changes.update(_refresh(session, every[start : start + STUDIES_AT_ONCE]))
    return changes


def add_received(session: Session, received: Sequence[ReceivedInstance]) -> Counts:
    """Add new instances to their studies' rows, however large these are; return as above."""
    rows = [
        {
            **_NOTHING,
            **{name: one.values[name] for name in DEMOGRAPHICS},
            **_NEW_STUDY,
            "study_instance_uid": one.study_instance_uid,
            "demographics_instance_id": one.id,
            "received_at": one.values["received_at"],
            "oldest_pending_at": one.values["received_at"],
        }
        for one in sorted(received, key=lambda one: (one.study_instance_uid, one.id))
    ]
    if rows:
        session.connection().execute(_one_more(session.get_bind().dialect.name), rows)
    return Counter({(Kind.INSTANCES, PENDING, ""): len(rows)})


_NEW_STUDY: dict[str, Any] = {
    "demographics_differ": False,
    "instances": 1,
    "pending": 1,
    "failed": 0,
    "not_applicable": 0,
    "classified": 0,
    "priority": "UNSCORED",
    "rank": 3,
    "score_order": 1.0,
    "untrained": False,
    "report": "none",
    "reading": StudyReading.UNREAD.value,
    "returned": False,
    "figures": [],
}


def _refresh(session: Session, uids: Sequence[str]) -> Counts:
    found = _locked(session, uids)
    if missing := [uid for uid in uids if uid not in found]:
        _add_empty(session, missing)
        found = _locked(session, uids)
    rows = computed_rows(session, uids)
    keep_raised(session, rows)
    changes: Counts = Counter()
    for row in rows:
        changes.update(counts_of(row))
        changes.subtract(counts_of(found[row["study_instance_uid"]]))
    if rows:
        session.connection().execute(_replaced(session.get_bind().dialect.name), rows)
    return changes


def computed_rows(session: Session, uids: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the rows of these studies must be, by column name."""
    figures = figures_of(session, uids)
    return [
        {**row, "figures": figures[row["study_instance_uid"]]} for row in _computed(session, uids)
    ]


def figures_of(session: Session, uids: Sequence[str]) -> Mapping[str, list[list[str | int]]]:
    """Return what each of these studies adds to the totals beside its counts, in order."""
    figures: defaultdict[str, list[list[str | int]]] = defaultdict(list)
    of_studies = computed_figures.c.study_instance_uid.in_(uids)
    for uid, *figure in session.execute(select(computed_figures).where(of_studies)):
        figures[uid].append(figure)
    for found in figures.values():
        found.sort()
    return figures


def counts_of(study: Any) -> Counts:
    """Return what a study's row, as a mapping, adds to the totals."""
    counts: dict[Key, int] = {(Kind.INSTANCES, state, ""): study[state] for state in COUNTED_STATES}
    for kind, state, subject, count in study["figures"]:
        counts[kind, state, subject] = count
    return Counter(counts)


def _locked(session: Session, uids: Sequence[str]) -> dict[str, Any]:
    names = ("study_instance_uid", *COUNTED_STATES, "figures")
    rows = session.execute(
        select(*(_TABLE.c[name] for name in names))
        .where(_TABLE.c.study_instance_uid.in_(uids))
        .order_by(_TABLE.c.study_instance_uid)
        .with_for_update()
    )
    return {row["study_instance_uid"]: row for row in rows.mappings()}


def _computed(session: Session, uids: Sequence[str]) -> list[dict[str, Any]]:
    of_studies = computed_studies.c.study_instance_uid.in_(uids)
    rows = session.execute(select(computed_studies).where(of_studies)).mappings()
    return [dict(row) for row in rows]


def _add_empty(session: Session, uids: Sequence[str]) -> None:
    """Add rows that count nothing yet, so that there is something to lock."""
    nothing = dict.fromkeys(("instances", *COUNTED_STATES), 0)
    rows = [{**row, **nothing, "figures": []} for row in _computed(session, uids)]
    if rows:
        rows.sort(key=lambda row: str(row["study_instance_uid"]))
        insert = insert_of(session.get_bind().dialect.name)
        session.connection().execute(insert(_TABLE).on_conflict_do_nothing(), rows)


@cache
def _replaced(dialect: str) -> Any:
    """Return the statement that writes a whole row."""
    statement = insert_of(dialect)(_TABLE)
    new = {name: statement.excluded[name] for name in _COLUMNS if name != "study_instance_uid"}
    return statement.on_conflict_do_update(index_elements=["study_instance_uid"], set_=new)


@cache
def _one_more(dialect: str) -> Any:
    """Return the statement that adds a row for a first instance, or an instance to a row."""
    statement = insert_of(dialect)(_TABLE)
    old, new = _TABLE.c, statement.excluded
    newer = or_(
        old.demographics_instance_id.is_(None),
        old.demographics_instance_id < new.demographics_instance_id,
    )
    newest = {
        name: case((newer, new[name]), else_=old[name])
        for name in (*DEMOGRAPHICS, "demographics_instance_id")
    }
    another = [old[name] != new[name] for name in TELLS_PATIENTS_APART]
    was_read = old.reading == StudyReading.READ.value
    return statement.on_conflict_do_update(
        index_elements=["study_instance_uid"],
        set_={
            **newest,
            "demographics_differ": case((or_(*another), True), else_=old.demographics_differ),
            "instances": old.instances + 1,
            "pending": old.pending + 1,
            "priority": case((old.rank < new.rank, old.priority), else_=new.priority),
            "rank": case((old.rank < new.rank, old.rank), else_=new.rank),
            "received_at": _earlier(old.received_at, new.received_at),
            "oldest_pending_at": _earlier(old.oldest_pending_at, new.oldest_pending_at),
            "reading": case((was_read, new.reading), else_=old.reading),
            "reader": case((was_read, null()), else_=old.reader),
            "reading_since": case((was_read, null()), else_=old.reading_since),
            "returned": case((was_read, True), else_=old.returned),
        },
    )


def _earlier(one: Any, other: Any) -> Any:
    return case((one < other, one), else_=other)
