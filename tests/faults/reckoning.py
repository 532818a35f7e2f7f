"""Compare what was acknowledged with what is kept, in which state, and what arrived elsewhere."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance, Report
from screening.spool.store import Spool
from tests.faults.destination import Arrival
from tests.faults.images import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an instance, with the states of its classifications and UIDs of its reports."""

    sop_instance_uid: str
    sha256: str
    states: tuple[str, ...]
    report_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What is wrong, by SOP Instance UID with the reason; empty where nothing is.

    reports: images with exactly one report at the destination; sent_again: how often a report
    came that was there already, in the same bytes.
    """

    lost: Mapping[str, str]
    doubled: Mapping[str, str]
    reports: int
    sent_again: int


@dataclass(slots=True)
class _Wrong:
    lost: dict[str, str] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)


def reckon(
    acknowledged: Mapping[str, str],
    kind: Kind,
    rows: Iterable[Row],
    arrivals: Iterable[Arrival],
    kept_whole: Mapping[str, bool],
) -> Reckoning:
    """Compare.

    acknowledged: digests by SOP Instance UID; rows: all of the study; arrivals: all there were;
    kept_whole: by digest, whether the spool has the object with that digest.
    """
    wrong = _Wrong()
    by_uid: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_uid[row.sop_instance_uid].append(row)
    of_image: defaultdict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        of_image[arrival.image_uid].append(arrival)
    for uid, sha256 in acknowledged.items():
        _judge_rows(uid, sha256, by_uid[uid], kind, wrong)
        if not kept_whole.get(sha256, False):
            wrong.lost[uid] = "no whole object in the spool"
        _judge_reports(uid, by_uid[uid], of_image[uid], kind, wrong)
    for uid in by_uid.keys() - acknowledged.keys():
        wrong.doubled[uid] = "a row that no sender knows of"
    arrived = {uid: of_image[uid] for uid in acknowledged}
    return Reckoning(
        wrong.lost,
        wrong.doubled,
        reports=sum(len(set(some)) == 1 for some in arrived.values()),
        sent_again=sum(len(some) - len(set(some)) for some in arrived.values()),
    )


def _judge_rows(uid: str, sha256: str, rows: list[Row], kind: Kind, wrong: _Wrong) -> None:
    if not rows:
        wrong.lost[uid] = "no row"
    elif len(rows) > 1 or len(rows[0].states) > 1:
        wrong.doubled[uid] = f"{len(rows)} rows in the states {[row.states for row in rows]}"
    elif rows[0].sha256 != sha256:
        wrong.lost[uid] = "other bytes than were sent"
    elif rows[0].states != (kind.final_state.value,):
        wrong.lost[uid] = f"expected {kind.final_state}, found {rows[0].states}"


def _judge_reports(
    uid: str, rows: list[Row], arrivals: list[Arrival], kind: Kind, wrong: _Wrong
) -> None:
    made = [report for row in rows for report in row.report_uids]
    expected = 1 if kind is Kind.SCORED else 0
    if len(set(arrivals)) > expected or len(made) > expected:
        wrong.doubled[uid] = f"{len(made)} reports, {len(set(arrivals))} at the destination"
    elif len(set(arrivals)) < expected:
        wrong.lost[uid] = "no report at the destination"
    elif expected and rows and made != [arrivals[0].report_uid]:
        wrong.doubled[uid] = "another report at the destination than in the database"


def read_rows(database: Database, study_instance_uid: str) -> list[Row]:
    """Return every row of a study."""
    in_study = Instance.study_instance_uid == study_instance_uid
    states: defaultdict[int, list[str]] = defaultdict(list)
    reports: defaultdict[int, list[str]] = defaultdict(list)
    with database.read() as session:
        of_state = select(Instance.id, Classification.state).join(Classification).where(in_study)
        for instance_id, state in session.execute(of_state):
            states[instance_id].append(state)
        of_report = select(Instance.id, Report.sop_instance_uid).join(
            Classification, Classification.instance_id == Instance.id
        )
        of_report = of_report.join(Report, Report.classification_id == Classification.id)
        for instance_id, report in session.execute(of_report.where(in_study)):
            reports[instance_id].append(report)
        instances = session.scalars(select(Instance).where(in_study)).all()
    return [
        Row(one.sop_instance_uid, one.sha256, tuple(states[one.id]), tuple(reports[one.id]))
        for one in instances
    ]


def kept_whole(spool: Spool, digests: Iterable[str]) -> dict[str, bool]:
    """Tell for each digest whether the spool has that very object."""
    found = {}
    for sha256 in digests:
        try:
            found[sha256] = spool.is_undamaged(sha256)
        except FileNotFoundError:
            found[sha256] = False
    return found
