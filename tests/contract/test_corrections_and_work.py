"""A correction accepted while other work on the image is under way."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from screening.classify.claim import claim
from screening.classify.compare import compare_kept
from screening.classify.record import record
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.ops.change_over import finish_change_over
from screening.ops.correction_decisions import accept_correction
from screening.report.deliveries import claim_deliveries
from screening.spool.store import Spool
from tests.bundles.manifests import valid_manifest
from tests.rows.resending import (
    BACKOFF,
    CORRECTED,
    corrections,
    image,
    resend,
    standing_reasons,
    take,
    work,
)
from tests.rows.standing_results import (
    SCORED,
    make,
    make_active,
    misplaced,
    predecessor_of,
    standing,
)
from tests.rows.stored import add_bundle

STUDY = "1.2.3.1"


@pytest.mark.integration
def test_of_two_corrections_accepted_at_once_one_stands(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Each is accepted, one after the other; one stands, one was replaced, none is half done."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(**CORRECTED), image(PatientID="PID-79"))
    ids = [one.id for one in corrections(database)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda one: accept_correction(database, one, by="ann"), ids))
    states = sorted(one.state for one in corrections(database))
    assert states == ["accepted", "replaced", "replaced"]
    assert sorted(standing_reasons(database), key=str) == [
        (False, "classified", None),
        (True, "not_applicable", "corrected"),
        (True, "not_applicable", "corrected"),
    ]
    reports = make(database, spool)
    assert predecessor_of(reports[-1]) == reports[-2].SOPInstanceUID


def test_what_the_gate_asks_is_examined_anew(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Another view position may make a picture one to score, or none: its answer is not copied."""
    resend(database, spool, bundle_id, image(), image(ViewPosition="LL"))
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    with database.read() as session:
        pending = session.scalars(
            select(Classification).where(Classification.state == "received")
        ).one()
        assert pending.instance.conflicting is False
    assert work(database, spool, bundle_id) == 1


def test_accepted_while_the_former_is_in_a_workers_hands(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Its lease is lost, the corrected object is scored once, and one report is made."""
    take(database, spool, image())
    held = claim(database, bundle_id=bundle_id, worker="slow", batch_size=1, lease_s=60)
    take(database, spool, image(**CORRECTED))
    other = claim(database, bundle_id=bundle_id, worker="fast", batch_size=1, lease_s=60)
    [compared] = other.instances
    assert compared.standing is not None
    found = compare_kept(spool, compared.sha256, compared.standing)
    record(database, other, {compared.classification_id: found}, BACKOFF)
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    record(database, held, {held.instances[0].classification_id: SCORED}, BACKOFF)
    assert work(database, spool, bundle_id) == 1
    assert standing_reasons(database) == [
        (True, "not_applicable", "corrected"),
        (False, "classified", None),
    ]
    [report] = make(database, spool)
    assert report.PatientID == "PID-78"


def test_a_report_of_the_former_that_did_not_go_yet_goes_no_more(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Once a correction stands, nobody is sent the former demographics as news."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(**CORRECTED))
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    make(database, spool)
    [claimed] = claim_deliveries(database, "folder")
    with database.read() as session:
        newest = session.scalars(select(Report).order_by(Report.id.desc())).first()
        assert newest is not None
        assert claimed.report.sop_instance_uid == newest.sop_instance_uid
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert states == ["given_up", "sending"]


def test_going_back_to_a_bundle_and_a_correction_get_along(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """The corrected object has the results of every bundle; going back needs no computing."""
    resend(database, spool, bundle_id, image())
    with database.write() as session:
        newer = add_bundle(session, name="newer", role="retired", manifest=valid_manifest()).id
    make_active(database, newer)
    with database.write() as session:
        instance = session.scalars(select(Instance)).one()
        session.add(Classification(instance_id=instance.id, created_at=utc_now()))
    work(database, spool, newer)
    make(database, spool)
    resend(database, spool, newer, image(**CORRECTED))
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    make(database, spool)
    make_active(database, bundle_id)
    assert finish_change_over(database) == 1
    assert misplaced(database) == []
    assert bundle_id in standing(database).values()
    reports = make(database, spool)
    assert reports[-1].PatientID == "PID-78"
    assert predecessor_of(reports[-1]) == reports[-2].SOPInstanceUID
