"""The same UID again: a repetition, a correction or a conflict, and what is kept meanwhile."""

from datetime import timedelta

import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from sqlalchemy import select

from screening.classify.claim import claim
from screening.classify.compare import compare_kept
from screening.classify.record import record
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Event, Instance
from screening.domain.failures import MAX_ATTEMPTS
from screening.domain.lifecycle import CorrectionState
from screening.errors import DecisionRefusedError
from screening.ops.correction_decisions import accept_correction
from screening.ops.ledger import read_ledger
from screening.ops.retention import plan_removal, remove_images
from screening.spool.store import Spool
from screening.worklist.studies.ordering import read_entry
from tests.rows.resending import (
    BACKOFF,
    CORRECTED,
    compressed,
    corrections,
    image,
    in_transfer_syntax,
    resend,
    standing_reasons,
    take,
    with_losses,
    work,
)
from tests.rows.standing_results import make

STUDY = "1.2.3.1"


@pytest.mark.parametrize(
    "again",
    [
        image(private="routed by 7"),
        image(InstitutionName="Elsewhere", ManufacturerModelName="Other"),
        compressed(image(), RLELossless),
        compressed(image(), JPEGLSLossless),
        compressed(image(), JPEG2000Lossless),
        compressed(image(private="routed"), RLELossless),
        in_transfer_syntax(image(), ImplicitVRLittleEndian),
        in_transfer_syntax(image(), ExplicitVRBigEndian),
        image(PatientName="Doe^Jane^^", StudyTime="101500.000"),
    ],
    ids=[
        *("private", "equipment", "rle", "jpeg-ls", "jpeg-2000", "both", "implicit", "big endian"),
        "padding",
    ],
)
def test_the_same_picture_and_patient_is_a_repetition(
    database: Database, spool: Spool, bundle_id: int, again: bytes
) -> None:
    """It is kept and says so; it is no conflict, is not scored again and gets no report."""
    first = image(PatientName="Doe^Jane", StudyTime="101500")
    resend(database, spool, bundle_id, _as(first, again), again)
    assert standing_reasons(database) == [
        (False, "classified", None),
        (True, "not_applicable", "repeated_picture"),
    ]
    assert corrections(database) == []
    assert len(make(database, spool)) == 1
    ledger = read_ledger(database)
    assert (ledger.received, ledger.classified, ledger.not_applicable) == (2, 1, 1)
    assert ledger.adds_up
    entry = read_entry(database, STUDY)
    assert entry is not None
    assert not entry.demographics_differ


def _as(first: bytes, again: bytes) -> bytes:
    """Return the first object, with the name and time that the second is compared with."""
    return first if b"Doe^Jane^^" in again else image()


@pytest.mark.parametrize(
    ("again", "found"),
    [
        (image(seed=1), "other pixels"),
        (image(seed=1, PatientID="PID-78"), "other pixels"),
        (compressed(image(seed=1), RLELossless), "other pixels"),
        (image(PhotometricInterpretation="MONOCHROME1"), "other pixels"),
        (with_losses(image()), "compressed with losses"),
        (image(RescaleSlope="-1", RescaleIntercept="255"), "rendered otherwise"),
    ],
    ids=["pixels", "both", "encoded", "inverted", "lossy", "rescaled"],
)
def test_another_picture_is_a_conflict(
    database: Database, spool: Spool, bundle_id: int, again: bytes, found: str
) -> None:
    """As before: kept apart, never scored, nobody is asked."""
    resend(database, spool, bundle_id, image(), again)
    assert standing_reasons(database)[1] == (True, "not_applicable", "conflicting_instance")
    assert corrections(database) == []
    with database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.id)).all()
    assert found in (rows[1].detail or "")


@pytest.mark.parametrize(
    ("attributes", "differing"),
    [
        ({"PatientName": "Doe^Joan"}, ["PatientName"]),
        ({"PatientID": "PID-78"}, ["PatientID"]),
        ({"PatientBirthDate": "19700101"}, ["PatientBirthDate"]),
        ({"PatientSex": "O"}, ["PatientSex"]),
        ({"AccessionNumber": "ACC-2"}, ["AccessionNumber"]),
        ({"StudyDate": "20200102"}, ["StudyDate"]),
        ({"StudyInstanceUID": "1.2.3.9"}, ["StudyInstanceUID"]),
        ({"SeriesInstanceUID": "1.2.3.9"}, ["SeriesInstanceUID"]),
        ({"ViewPosition": "AP"}, ["ViewPosition"]),
        (CORRECTED, ["PatientName", "PatientID", "AccessionNumber"]),
    ],
    ids=",".join,
)
def test_other_demographics_are_a_correction_that_waits(
    database: Database,
    spool: Spool,
    bundle_id: int,
    attributes: dict[str, str],
    differing: list[str],
) -> None:
    """Also in another transfer syntax; what was received first stands until somebody decides."""
    resend(database, spool, bundle_id, image(), compressed(image(**attributes), RLELossless))
    assert standing_reasons(database)[1] == (True, "not_applicable", "correction_waiting")
    [waiting] = corrections(database)
    assert waiting.state is CorrectionState.WAITING
    assert [one.attribute.keyword for one in waiting.differing] == differing
    assert [one.corrected for one in waiting.differing] == list(attributes.values())
    assert "Joan" not in repr(waiting)
    with database.read() as session:
        told = session.scalars(select(Event).where(Event.kind == "correction_found")).one()
    assert told.detail == {"attributes": differing}
    assert len(make(database, spool)) == 1


def test_compared_with_what_was_replaced_meanwhile_it_is_compared_again(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """The verdict is about what stands, not about what stood when the worker began."""
    resend(database, spool, bundle_id, image(), image(**CORRECTED))
    take(database, spool, compressed(image(**CORRECTED), RLELossless))
    held = claim(database, bundle_id=bundle_id, worker="slow", batch_size=1, lease_s=60)
    [compared] = held.instances
    assert compared.standing is not None
    found = compare_kept(spool, compared.sha256, compared.standing)
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    record(database, held, {compared.classification_id: found}, BACKOFF)
    assert work(database, spool, bundle_id) == 1
    assert standing_reasons(database)[2] == (True, "not_applicable", "repeated_picture")


def test_an_image_that_may_be_corrected_is_kept(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Both files, until somebody has decided; then each goes as its own work is done."""
    resend(database, spool, bundle_id, image())
    take(database, spool, image(**CORRECTED))
    make(database, spool)
    _deliver(database)
    later = utc_now() + timedelta(days=1)
    assert plan_removal(database, received_before=later, committing=[]).kept == {
        "waits for its classification": 1,
        "another object with its SOP Instance UID is to be compared with it": 1,
    }
    work(database, spool, bundle_id)
    assert plan_removal(database, received_before=later, committing=[]).kept == {
        "a correction of it waits for a decision": 2
    }
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    assert remove_images(database, spool, received_before=later, committing=[]).images == 1
    replaced = next(o for o in corrections(database) if o.state is CorrectionState.REPLACED)
    with pytest.raises(DecisionRefusedError, match="retention has removed it"):
        accept_correction(database, replaced.id, by="ann", again=True)
    make(database, spool)
    _deliver(database)
    assert remove_images(database, spool, received_before=later, committing=[]).images == 1


def _deliver(database: Database) -> None:
    with database.write() as session:
        for row in session.scalars(select(Delivery).where(Delivery.state == "pending")):
            row.state, row.delivered_at = "delivered", utc_now()


def test_an_object_that_cannot_be_compared_stays_a_conflict(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Its first object was removed, or its file is damaged: no failure that waits for ever."""
    resend(database, spool, bundle_id, image())
    with database.write() as session:
        row = session.scalars(select(Instance)).one()
        row.removing_since = row.removed_at = utc_now()
        spool.remove(row.sha256)
    resend(database, spool, bundle_id, image(**CORRECTED))
    take(database, spool, image(PatientID="PID-79"))
    with database.write() as session:
        first = session.scalars(select(Instance).order_by(Instance.id)).first()
        assert first is not None
        first.removing_since = first.removed_at = None
    work(database, spool, bundle_id)
    assert [reason for _, _, reason in standing_reasons(database)] == [
        None,
        "conflicting_instance",
        "conflicting_instance",
    ]
    ledger = read_ledger(database)
    assert (ledger.failed, ledger.pending, ledger.adds_up) == (0, 0, True)


def test_a_comparison_that_ends_its_worker_every_time_ends_as_a_conflict(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """After three attempts the object is set aside without a failure that someone must repeat."""
    resend(database, spool, bundle_id, image())
    take(database, spool, image(**CORRECTED))
    with database.write() as session:
        row = session.scalars(
            select(Classification).where(Classification.state == "received")
        ).one()
        row.attempts = MAX_ATTEMPTS
    assert work(database, spool, bundle_id) == 0
    assert standing_reasons(database)[1] == (True, "not_applicable", "conflicting_instance")
