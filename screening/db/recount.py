"""Whether studies and totals say what the rows say: everything counted anew, and put right.

Reads every row: a minute or two for a million studies.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, literal, select, text
from sqlalchemy.orm import Session

from screening.db.derived.studies import STUDIES_AT_ONCE, figures_of
from screening.db.derived.totals import Counts, Key, Kind, add_to_totals, counted, read_totals
from screening.db.derived.upkeep import note_studies
from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.instances import Instance
from screening.db.tables.studies import Study, Total
from screening.db.tables.views import computed_figures, computed_studies, instance_results
from screening.domain.shown_values import shown_uid

STUDIES_A_READ = {"sqlite": STUDIES_AT_ONCE, "postgresql": 500}
"""By database system: with more, its plans are worse."""
STUDIES_A_REPAIR = 2000
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Recount:
    """What was counted, and what stands otherwise.

    wrong_studies: Study Instance UIDs, at most MOST_NAMED of them, of rows that are missing or say
    something else; wrong_totals: by key, what stands and what was counted.
    """

    instances: int
    studies: int
    wrong_studies: tuple[str, ...]
    wrong_totals: Mapping[Key, tuple[int, int]]

    @property
    def agrees(self) -> bool:
        """Whether nothing stands otherwise."""
        return not self.wrong_studies and not self.wrong_totals

    @property
    def differences(self) -> str:
        """What stands otherwise, in words, with the UIDs of a few studies."""
        totals = [
            f"{' '.join(filter(None, key))} {stands} instead of {now}"
            for key, (stands, now) in sorted(self.wrong_totals.items())
        ]
        studies = [f"study {shown_uid(uid)}" for uid in self.wrong_studies]
        return ", ".join(totals + studies)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "agrees": self.agrees,
            "instances": self.instances,
            "studies": self.studies,
            "wrong_studies": list(self.wrong_studies),
            "wrong_totals": [
                {"kind": kind, "state": state, "subject": subject, "stands": stands, "counted": now}
                for (kind, state, subject), (stands, now) in sorted(self.wrong_totals.items())
            ],
        }


def recount(database: Database) -> Recount:
    """Count every row as of one moment and compare; nobody waits for it.

    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        if database.dialect == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        stand, now = read_totals(session), counted_totals(session)
        studies, wrong = 0, _without_row(session)
        for uids in _chunks(session):
            studies += len(uids)
            wrong += _wrong(session, uids)[: MOST_NAMED - len(wrong)]
    differ = {key: (stand[key], now[key]) for key in stand.keys() | now.keys()}
    return Recount(
        instances=now[Kind.RECEIVED, "", ""],
        studies=studies,
        wrong_studies=tuple(wrong[:MOST_NAMED]),
        wrong_totals={key: pair for key, pair in differ.items() if pair[0] != pair[1]},
    )


def put_right(database: Database) -> None:
    """Write studies and totals anew from the rows.

    Whoever changes a state waits meanwhile for as long as the rows take to be counted.
    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        every = session.scalars(select(Instance.study_instance_uid).distinct()).all()
    for start in range(0, len(every), STUDIES_A_REPAIR):
        with database.write() as session:
            note_studies(session, every[start : start + STUDIES_A_REPAIR])
    with database.write() as session:
        if database.dialect == "postgresql":
            session.execute(text("LOCK TABLE studies, totals IN EXCLUSIVE MODE"))
        session.execute(delete(Total))
        add_to_totals(session, counted_totals(session))


def counted_totals(session: Session) -> Counts:
    """Return what the totals must be, counted from the rows."""
    figures = computed_figures.c
    one = literal("")
    states, row = instance_results.c.state, PeerCommitmentRequest
    statements = (
        select(literal(Kind.RECEIVED.value), one, one, func.count()).select_from(Instance),
        select(literal(Kind.INSTANCES.value), states, one, func.count()).group_by(states),
        select(figures.kind, figures.state, figures.subject, func.sum(figures.count)).group_by(
            figures.kind, figures.state, figures.subject
        ),
        select(
            literal(Kind.PEER_COMMITMENT_REQUESTS.value),
            row.state,
            row.calling_ae_title,
            func.count(),
        ).group_by(row.state, row.calling_ae_title),
    )
    counts: Counts = Counter()
    for statement in statements:
        counts.update(counted(session.execute(statement)))
    return +counts


def _chunks(session: Session) -> Iterator[Sequence[str]]:
    last, at_once = "", STUDIES_A_READ[session.get_bind().dialect.name]
    uid = Study.study_instance_uid
    while uids := session.scalars(select(uid).where(uid > last).order_by(uid).limit(at_once)).all():
        yield uids
        last = uids[-1]


def _without_row(session: Session) -> list[str]:
    listed = exists().where(Study.study_instance_uid == Instance.study_instance_uid)
    missing = select(Instance.study_instance_uid).where(~listed).distinct().limit(MOST_NAMED)
    return list(session.scalars(missing))


def _wrong(session: Session, uids: Sequence[str]) -> list[str]:
    """Return those of these studies whose rows say something else."""
    must_be, stands = computed_studies.c, Study.__table__.c
    computed = select(computed_studies).where(must_be.study_instance_uid.in_(uids))
    expected = {row.study_instance_uid: row for row in session.execute(computed)}
    figures, wrong = figures_of(session, uids), []
    columns = (stands[column.name] for column in must_be)
    kept = select(stands.figures, *columns).where(stands.study_instance_uid.in_(uids))
    for counted_figures, *row in session.execute(kept):
        uid = row[0]  # the first column of both
        if tuple(row) != expected.get(uid) or sorted(counted_figures) != figures[uid]:
            wrong.append(uid)
    return wrong
