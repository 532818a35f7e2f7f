"""Images with results of several bundles, and a check that the one that should stands."""

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.classify.record import Scored
from screening.db.session import Database
from screening.db.standing_results import ANSWERS
from screening.db.tables.instances import Bundle, Classification, Instance, Report
from screening.domain.lifecycle import BundleRole
from screening.domain.scores import combine, member_scores
from screening.domain.triage import Priority, Triage
from screening.renderings.structured_report.profiles import Profile
from screening.report.outbox import make_due_reports
from screening.spool.store import Spool, data_set_sha256
from tests.bundles.manifests import valid_manifest
from tests.peers.receiving import radiograph
from tests.rows.stored import NOON, add_bundle, add_instance, add_score

STUDY = "1.2.3.1"
FOLDER = {"folder": Profile.COMPREHENSIVE}
SCORED = Scored(
    scores=combine([member_scores("coronet", ("covid19", "normal"), (0.7, 0.3), 1.0)], [1.0]),
    triage=Triage(Priority.STAT, "COVID-19 probability at least 50 %", 0.7),
    pixel_sha256="ab" * 32,
    render_path={},
    timings_s={},
)


def add_bundles(database: Database, *names: str) -> list[int]:
    """Register bundles, the last one active; return their ids."""
    with database.write() as session:
        return [
            add_bundle(
                session,
                name=name,
                role="active" if name == names[-1] else "retired",
                manifest=valid_manifest(),
            ).id
            for name in names
        ]


def add_scored(
    database: Database, spool: Spool, *bundle_ids: int, number: int = 1, made: bool = True
) -> int:
    """Spool an image and add a score of it by each bundle, the last standing; return its id.

    made: their reports are made, to no destination; else that of the last is due.
    """
    uid = f"{STUDY}.1.{number}"
    arrived = spool.incoming / "arrived"
    arrived.write_bytes(radiograph(SOPInstanceUID=uid))
    sha256 = data_set_sha256(arrived)
    spool.keep(arrived, sha256)
    with database.write() as session:
        image = add_instance(session, STUDY, sop_instance_uid=uid, sha256=sha256)
        for place, bundle_id in enumerate(bundle_ids):
            is_due = not made and place == len(bundle_ids) - 1
            add_score(
                session,
                image,
                session.get_one(Bundle, bundle_id),
                priority="STAT" if place == 0 else "LOW",
                covid19=0.9 - 0.2 * place,
                finished_at=NOON + timedelta(hours=place),
                report_state="due" if is_due else "made",
            )
        return image.id


def make_active(database: Database, bundle_id: int) -> None:
    """Change the active bundle, and nothing else."""
    with database.write() as session:
        for row in session.scalars(select(Bundle)):
            row.role = BundleRole.RETIRED
        session.flush()
        session.get_one(Bundle, bundle_id).role = BundleRole.ACTIVE


def standing(database: Database) -> dict[int, int | None]:
    """Return the bundle whose result stands, by instance."""
    with database.read() as session:
        rows = session.execute(
            select(Classification.instance_id, Classification.bundle_id).where(
                Classification.stands_since.is_not(None)
            )
        )
        return {row.instance_id: row.bundle_id for row in rows}


def misplaced(database: Database) -> list[int]:
    """Return the instances whose standing result is another than an answer of the active bundle.

    Those that it has none for are right as they are.
    """
    stands = standing(database)
    with database.read() as session:
        answered = session.execute(
            select(Classification.instance_id, Classification.bundle_id)
            .join(Bundle)
            .join(Instance)
            .where(
                Bundle.role == BundleRole.ACTIVE,
                Classification.state.in_(ANSWERS),
                ~Instance.conflicting,
            )
        ).all()
    return [instance_id for instance_id, bundle_id in answered if stands[instance_id] != bundle_id]


def reports(database: Database) -> Sequence[Report]:
    """Return every report, oldest first."""
    with database.read() as session:
        return session.scalars(select(Report).order_by(Report.id)).all()


def make(database: Database, spool: Spool) -> list[Dataset]:
    """Make what is due; return every report so far, oldest first."""
    while make_due_reports(database, spool, FOLDER):
        pass
    return [pydicom.dcmread(BytesIO(report.content)) for report in reports(database)]


def predecessor_of(report: Dataset) -> str:
    """Return the SOP Instance UID that a report names as its one predecessor."""
    [study] = report.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [named] = series.ReferencedSOPSequence
    return str(named.ReferencedSOPInstanceUID)
