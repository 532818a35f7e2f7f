"""The same UID again: a repetition, a correction, a conflict; and what a decision does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom.uid import (
    RLELossless,
)
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Event, Instance
from screening.domain.lifecycle import CorrectionState
from screening.errors import DecisionRefusedError
from screening.ops.correction_decisions import accept_correction, reject_correction
from screening.ops.ledger import read_ledger
from screening.spool.store import Spool
from screening.worklist.studies.ordering import read_entry
from tests.rows.resending import (
    CORRECTED,
    compressed,
    corrections,
    image,
    resend,
    standing_reasons,
    work,
)
from tests.rows.standing_results import make, predecessor_of

STUDY = "1.2.3.1"


def test_accepted_it_stands_with_the_former_result_and_a_new_report(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Nothing is computed again; the report has the new demographics and names the old one."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(**CORRECTED))
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    assert work(database, spool, bundle_id) == 0
    assert standing_reasons(database) == [
        (True, "not_applicable", "corrected"),
        (False, "classified", None),
    ]
    old, new = make(database, spool)
    assert predecessor_of(new) == old.SOPInstanceUID
    assert (new.PatientID, new.AccessionNumber) == ("PID-78", "ACC-2")
    assert (new.PatientName, old.PatientID) == ("Doe^Joan", "PID-77")
    assert new.SOPInstanceUID != old.SOPInstanceUID
    entry = read_entry(database, STUDY)
    assert entry is not None
    assert (entry.patient_id, entry.patient_name, entry.accession_number) == (
        *("PID-78", "Doe^Joan"),
        "ACC-2",
    )
    assert (entry.classified, entry.not_applicable, entry.demographics_differ) == (1, 1, False)
    with database.read() as session:
        told = session.scalars(select(Event).where(Event.kind == "correction_accepted")).one()
        first, second = session.scalars(select(Instance).order_by(Instance.id)).all()
        assert told.detail == {
            "attributes": ["PatientName", "PatientID", "AccessionNumber"],
            "by": "ann",
        }
        assert (first.patient_id, second.patient_id) == ("PID-77", "PID-78")
    states = {one.id: (one.state, one.decided_by) for one in corrections(database)}
    assert sorted(states.values()) == [("accepted", "ann"), ("replaced", "ann")]
    assert read_ledger(database).adds_up


def test_a_rejected_one_is_kept_and_asked_about_no_more(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """What stood stands, there is no second report, and the same bytes again change nothing."""
    resend(database, spool, bundle_id, image(), image(**CORRECTED))
    make(database, spool)
    [waiting] = corrections(database)
    reject_correction(database, waiting.id, by="ann")
    resend(database, spool, bundle_id, image(**CORRECTED))
    assert standing_reasons(database)[1] == (True, "not_applicable", "correction_rejected")
    [rejected] = corrections(database)
    assert (rejected.state, rejected.decided_by) == ("rejected", "ann")
    assert len(make(database, spool)) == 1
    entry = read_entry(database, STUDY)
    assert entry is not None
    assert (entry.patient_id, entry.demographics_differ) == ("PID-77", False)


@pytest.mark.parametrize("second", [accept_correction, reject_correction])
def test_nobody_decides_twice(
    database: Database, spool: Spool, bundle_id: int, second: type[None]
) -> None:
    """The second is told who was faster, and nothing changes."""
    resend(database, spool, bundle_id, image(), image(**CORRECTED))
    [waiting] = corrections(database)
    accept_correction(database, waiting.id, by="ann")
    before = standing_reasons(database)
    with pytest.raises(DecisionRefusedError, match="found that it was accepted by ann"):
        second(database, waiting.id, by="bob")
    with pytest.raises(DecisionRefusedError, match="found none with number 999"):
        second(database, 999, by="bob")
    assert standing_reasons(database) == before
    assert len(make(database, spool)) == 1


@pytest.mark.integration
def test_of_operators_who_decide_at_once_one_does(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Accept and reject in one moment: one outcome, one new report at most."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(**CORRECTED))
    [waiting] = corrections(database)
    together = threading.Barrier(6)

    def decide(number: int) -> bool:
        together.wait()
        do = accept_correction if number % 2 else reject_correction
        try:
            do(database, waiting.id, by=f"operator {number}")
        except DecisionRefusedError:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(decide, range(6))) == 1
    decided = next(one for one in corrections(database) if one.id == waiting.id)
    expected = 2 if decided.state is CorrectionState.ACCEPTED else 1
    assert len(make(database, spool)) == expected
    assert read_ledger(database).adds_up


def test_an_error_in_between_leaves_nothing_half_done(
    database: Database, spool: Spool, bundle_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: killed in the midst of it, the correction waits as before."""
    resend(database, spool, bundle_id, image(), image(**CORRECTED))
    [waiting] = corrections(database)
    before = standing_reasons(database)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("screening.ops.correction_decisions._dissolve_repetitions", die)
        with pytest.raises(KeyboardInterrupt):
            accept_correction(database, waiting.id, by="ann")
    assert standing_reasons(database) == before
    assert corrections(database)[0].state is CorrectionState.WAITING
    accept_correction(database, waiting.id, by="ann")
    assert standing_reasons(database)[1] == (False, "classified", None)


def test_a_correction_of_a_correction(database: Database, spool: Spool, bundle_id: int) -> None:
    """It is compared with what stands by then; each report names the one before it."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    for number in ("PID-78", "PID-79"):
        resend(database, spool, bundle_id, image(PatientID=number))
        waiting = next(o for o in corrections(database) if o.state is CorrectionState.WAITING)
        assert [(o.before, o.corrected) for o in waiting.differing] == [
            ("PID-77" if number == "PID-78" else "PID-78", number)
        ]
        accept_correction(database, waiting.id, by="ann")
        make(database, spool)
    reports = make(database, spool)
    assert [report.PatientID for report in reports] == ["PID-77", "PID-78", "PID-79"]
    assert predecessor_of(reports[2]) == reports[1].SOPInstanceUID


def test_one_that_says_the_same_as_what_stands_by_then_is_dissolved(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Of two encodings of one correction the other is a repetition, once one was accepted."""
    again = image(**CORRECTED)
    resend(database, spool, bundle_id, image(), again, compressed(again, RLELossless))
    one, _ = corrections(database)
    accept_correction(database, one.id, by="ann")
    assert standing_reasons(database)[2] == (True, "not_applicable", "repeated_picture")
    assert sorted(o.state for o in corrections(database)) == ["accepted", "replaced"]


def test_a_decision_can_be_taken_back(database: Database, spool: Spool, bundle_id: int) -> None:
    """What was replaced or rejected is accepted with `again`, and only so; a new report says it."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(**CORRECTED))
    [waiting] = corrections(database)
    reject_correction(database, waiting.id, by="ann")
    with pytest.raises(DecisionRefusedError, match="rejected by ann; --again"):
        accept_correction(database, waiting.id, by="bob")
    accept_correction(database, waiting.id, by="bob", again=True)
    make(database, spool)
    replaced = next(o for o in corrections(database) if o.state is CorrectionState.REPLACED)
    accept_correction(database, replaced.id, by="ann", again=True)
    assert standing_reasons(database) == [
        (False, "classified", None),
        (True, "not_applicable", "corrected"),
    ]
    reports = make(database, spool)
    assert [report.PatientID for report in reports] == ["PID-77", "PID-78", "PID-77"]
    assert predecessor_of(reports[2]) == reports[1].SOPInstanceUID
    assert len({report.SOPInstanceUID for report in reports}) == 3


def test_a_correction_into_another_study_moves_the_image(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """The new study has the result; the old one keeps a row that says what became of it."""
    resend(database, spool, bundle_id, image())
    make(database, spool)
    resend(database, spool, bundle_id, image(StudyInstanceUID="1.2.3.9", **CORRECTED))
    [waiting] = corrections(database)
    assert waiting.studies == (STUDY, "1.2.3.9")
    accept_correction(database, waiting.id, by="ann")
    old, new = read_entry(database, STUDY), read_entry(database, "1.2.3.9")
    assert old is not None
    assert new is not None
    assert (old.classified, old.not_applicable, new.classified) == (0, 1, 1)
    reports = make(database, spool)
    [study] = reports[1].PredecessorDocumentsSequence
    assert (study.StudyInstanceUID, reports[1].StudyInstanceUID) == (STUDY, "1.2.3.9")
    with database.read() as session:
        told = session.scalars(
            select(Event.study_instance_uid).where(Event.kind == "correction_accepted")
        ).all()
    assert sorted(map(str, told)) == [STUDY, "1.2.3.9"]
