"""Other systems work from the list by Unified Procedure Step, as readers do on the page."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance
from screening.db.tables.procedure_steps import ProcedureStep
from screening.db.tables.readings import Reading
from screening.domain.procedure_step import (
    GLOBAL_SUBSCRIPTION,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    ActionType,
    StepState,
)
from screening.domain.reading import StudyReading
from screening.errors import DecisionRefusedError
from screening.ops.reading.claims import claim_study, release_claim, take_back
from screening.ups.operations import find
from tests.peers.receiving import Receiver, running_receiver
from tests.peers.ups.workstation import WORKSTATION, Workstation, keys, workstation
from tests.rows.readings import OTTO, RITA, add_study, entry_of, read_by
from tests.rows.stored import COMPREHENSIVE_SR, NOON, add_report

pytestmark = pytest.mark.integration

OTHER = "READER_2"
MINE, DONE, GONE = StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED
STUDIES = {"1.2.3.1": "LOW", "1.2.3.2": "STAT", "1.2.3.3": "MEDIUM", "1.2.3.4": "HIGH"}
PEERS = [{"ae_title": WORKSTATION}, {"ae_title": OTHER}]


@pytest.fixture
def site(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that two workstations may ask, with a study of each priority."""
    for number, (study, priority) in enumerate(STUDIES.items()):
        at = NOON + timedelta(minutes=number)
        add_study(migrated_database, study, priority, received_at=at)
    settings = {"ups_peers": PEERS, "ups_retrieve_ae_title": "PACS"}
    with running_receiver(tmp_path, migrated_database, **settings) as running:
        yield running


@pytest.fixture
def asks(site: Receiver) -> Iterator[Workstation]:
    """Open an association of a workstation."""
    with workstation(site.peer) as opened:
        yield opened


def studies_of(found: list[Dataset]) -> list[str]:
    """Return the last figure of each match's study."""
    return [str(match.StudyInstanceUID).rsplit(".", 1)[1] for match in found]


def uid_of(asks: Workstation, study: str) -> str:
    """Return the UID of a study's step that counts now."""
    [match], _ = asks.find(keys(StudyInstanceUID=study))
    return str(match.SOPInstanceUID)


def test_the_list_is_answered_in_reading_order(asks: Workstation) -> None:
    """With UIDs that stay, of the one SOP class of steps, in either of the query's SOP classes."""
    found, status = asks.find(keys())
    assert (studies_of(found), status) == (["2", "4", "3", "1"], 0x0000)
    assert {match.SOPClassUID for match in found} == {UPS_PUSH}
    assert [match.ScheduledProcedureStepPriority for match in found] == [
        "HIGH",
        "HIGH",
        "MEDIUM",
        "LOW",
    ]
    again = {
        str(m.SOPInstanceUID)
        for model in (UPS_WATCH, UPS_QUERY)
        for m in asks.find(keys(), model)[0]
    }
    assert again == {str(match.SOPInstanceUID) for match in found}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ScheduledProcedureStepPriority": "HIGH"}, ["2", "4"]),
        ({"ScheduledProcedureStepPriority": "LOW"}, ["1"]),
        ({"ScheduledProcedureStepPriority": ["LOW", "MEDIUM"]}, ["3", "1"]),
        ({"ProcedureStepState": "COMPLETED"}, []),
        ({"ProcedureStepState": "SCHEDULED"}, ["2", "4", "3", "1"]),
        ({"WorklistLabel": "CHEST*"}, ["2", "4", "3", "1"]),
        ({"WorklistLabel": "HEAD"}, []),
        ({"StudyInstanceUID": ["1.2.3.1", "1.2.3.9", "1.2.3.4"]}, ["1", "4"]),
        ({"SOPInstanceUID": "1.2.3"}, []),
        ({"PatientID": "nobody"}, []),
        ({"PatientName": "doe*"}, ["2", "4", "3", "1"]),
        ({"ScheduledProcedureStepStartDateTime": "20260301120100-202603011202"}, ["2", "3"]),
    ],
)
def test_keys_narrow_the_list(
    asks: Workstation, given: dict[str, Any], expected: list[str]
) -> None:
    """By index where there is one, else along the list; never with more than what fits."""
    found, status = asks.find(keys(**given))
    assert (studies_of(found), status) == (expected, 0x0000)


def test_a_patient_and_an_accession_number_are_found(asks: Workstation) -> None:
    """By the keys that a RIS has."""
    [match], _ = asks.find(keys(StudyInstanceUID="1.2.3.3", ReferencedRequestSequence=[]))
    request = Dataset()
    request.AccessionNumber = match.ReferencedRequestSequence[0].AccessionNumber
    assert studies_of(asks.find(keys(PatientID=match.PatientID))[0]) == ["3"]
    assert studies_of(asks.find(keys(ReferencedRequestSequence=[request]))[0]) == ["3"]


def test_a_bad_date_is_no_query(asks: Workstation) -> None:
    """And the message names the key; an attribute that steps lack is only not matched."""
    found, status = asks.find(keys(PatientBirthDate="19800230"))
    assert (found, status, asks.comment) == ([], 0xA900, "PatientBirthDate has no legal value")
    statuses = [
        answer.Status for answer, _ in asks.association.send_c_find(keys(StudyID="7"), UPS_QUERY)
    ]
    assert statuses == [0xFF01] * 4 + [0x0000]


def test_a_long_list_is_answered_up_to_a_limit(
    asks: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first matches in the reading order, then 0xA700; and so where too many are looked at."""
    monkeypatch.setattr(find, "MOST_MATCHES", 3)
    found, status = asks.find(keys())
    assert (studies_of(found), status) == (["2", "4", "3"], 0xA700)
    monkeypatch.setattr(find, "STUDIES_A_QUERY", 1)
    monkeypatch.setattr(find, "MOST_LOOKED_AT", 2)
    found, status = asks.find(keys(WorklistLabel="CHEST*"))
    assert (studies_of(found), status) == (["2", "4"], 0xA700)


def test_a_query_is_canceled(asks: Workstation) -> None:
    """And a late C-CANCEL does not end the next query with the same Message ID."""
    association = asks.association
    answers = association.send_c_find(keys(), UPS_QUERY, msg_id=9)
    statuses = [next(answers)[0].Status]
    context = next(c for c in association.accepted_contexts if c.abstract_syntax == UPS_QUERY)
    association.send_c_cancel(9, context.context_id)
    statuses += [answer.Status for answer, _ in answers]
    assert set(statuses) <= {0xFF00, 0xFE00, 0x0000}
    association.send_c_cancel(9, context.context_id)
    again = [a.Status for a, _ in association.send_c_find(keys(), UPS_QUERY, msg_id=9)]
    assert again == [0xFF00] * 4 + [0x0000]


def test_a_step_refers_to_images_and_reports(asks: Workstation, site: Receiver) -> None:
    """Images and reports are what to read; the reports also what was made of it."""
    with site.database.write() as session:
        found = session.scalars(
            select(Classification).join(Instance).where(Instance.study_instance_uid == "1.2.3.2")
        ).one()
        report, _ = add_report(session, found)
        report_uid = report.sop_instance_uid
    status, step = asks.get(uid_of(asks, "1.2.3.2"))
    assert step is not None
    inputs = {
        item.ReferencedSOPClassUID: item.ReferencedSOPInstanceUID
        for series in step.InputInformationSequence
        for item in series.ReferencedSOPSequence
    }
    [performed] = step.UnifiedProcedureStepPerformedProcedureSequence
    [output] = performed.OutputInformationSequence
    assert (status, inputs[COMPREHENSIVE_SR], len(inputs)) == (0x0000, report_uid, 2)
    assert output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == report_uid
    assert output.DICOMRetrievalSequence[0].RetrieveAETitle == "PACS"
    assert step.CommentsOnTheScheduledProcedureStep.startswith("STAT: COVID-19 probability")
    assert "TransactionUID" not in step


def test_attributes_are_answered_one_by_one(asks: Workstation) -> None:
    """Those that steps have; 0x0001 where one is asked for that they have not."""
    uid = uid_of(asks, "1.2.3.2")
    status, step = asks.get(uid, [0x00741000, 0x00100020])
    assert step is not None
    assert (status, step.dir()) == (0x0000, ["PatientID", "ProcedureStepState"])
    status, step = asks.get(uid, [0x00741000, 0x00081195])
    assert step is not None
    assert (status, step.dir()) == (0x0001, ["ProcedureStepState"])
    assert asks.get("1.2.3")[0] == 0xC307


def test_a_study_is_claimed_read_and_off_the_list(asks: Workstation, site: Receiver) -> None:
    """As by a reader on the page, whose name is the AE's."""
    uid = uid_of(asks, "1.2.3.2")
    assert asks.change(uid, MINE) == 0x0000
    entry = entry_of(site.database, "1.2.3.2")
    assert (entry.reading, entry.reader) == (StudyReading.CLAIMED, f"AE {WORKSTATION}")
    assert [asks.change(uid, MINE), asks.change(uid, DONE, "2.25.8")] == [0xC302, 0xC301]
    assert asks.change(uid, DONE) == 0x0000
    assert entry_of(site.database, "1.2.3.2").reading is StudyReading.READ
    assert [asks.change(uid, DONE), asks.change(uid, GONE)] == [0xB306, 0xC300]
    found, _ = asks.find(keys(ProcedureStepState=""))
    assert studies_of(found) == ["4", "3", "1", "2"]
    assert uid_of(asks, "1.2.3.2") == uid


@pytest.mark.parametrize(
    ("state", "transaction_uid", "status"),
    [
        (DONE, "2.25.7", 0xC310),
        (GONE, "2.25.7", 0xC310),
        (StepState.SCHEDULED, "2.25.7", 0xC303),
        (MINE, "", 0xC301),
        ("FINISHED", "2.25.7", 0x0115),
    ],
)
def test_what_is_not_allowed_changes_nothing(
    asks: Workstation, site: Receiver, state: str, transaction_uid: str, status: int
) -> None:
    """Of a step that nobody has claimed."""
    assert asks.change(uid_of(asks, "1.2.3.2"), state, transaction_uid) == status
    assert entry_of(site.database, "1.2.3.2").reading is StudyReading.UNREAD
    assert asks.change("1.2.3", MINE) == 0xC307


def test_actions_are_those_of_their_sop_class(asks: Workstation) -> None:
    """An unknown one and another class's are 0x0123; a request without a data set is 0x0115."""
    uid = uid_of(asks, "1.2.3.2")
    information = Dataset()
    information.ProcedureStepState = MINE.value
    assert asks.act(ActionType.CHANGE_STATE, uid, information) == 0x0123
    assert asks.act(9, uid, information) == 0x0123
    assert asks.act(ActionType.SUBSCRIBE, uid, None) == 0x0115
    assert asks.watch(ActionType.SUBSCRIBE, GLOBAL_SUBSCRIPTION) == 0xC308
    assert asks.watch(ActionType.SUBSCRIBE, GLOBAL_SUBSCRIPTION, "NOBODY") == 0xC308


def test_who_is_not_named_may_ask_nothing(site: Receiver) -> None:
    """Neither query nor act."""
    with workstation(site.peer, "STRANGER") as stranger:
        assert stranger.find(keys()) == ([], 0x0124)
        assert stranger.get("1.2.3")[0] == 0x0124
        assert stranger.change("1.2.3", MINE) == 0x0124


def test_of_peers_who_claim_at_once_one_has_the_step(site: Receiver) -> None:
    """All others are told that it is IN PROGRESS."""
    with workstation(site.peer) as first:
        uid = uid_of(first, "1.2.3.2")
    ready = threading.Barrier(4)

    def claim(number: int) -> int:
        with workstation(site.peer, (WORKSTATION, OTHER)[number % 2]) as one:
            ready.wait()
            return one.change(uid, MINE, f"2.25.{number + 1}")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(claim, range(4)))
    assert sorted(answers) == [0x0000, 0xC302, 0xC302, 0xC302]
    with site.database.read() as session:
        row = session.scalars(
            select(ProcedureStep).where(ProcedureStep.sop_instance_uid == uid)
        ).one()
        [reading] = session.scalars(select(Reading)).all()
    winner = answers.index(0x0000)
    assert row.transaction_uid == f"2.25.{winner + 1}"
    assert reading.claimed_by == f"AE {row.calling_ae_title}"


def test_a_claim_on_the_page_and_one_by_ups_exclude_each_other(
    asks: Workstation, site: Receiver
) -> None:
    """Neither ends the other; an operator does, and then there is another step."""
    uid = uid_of(asks, "1.2.3.2")
    claim_study(site.database, "1.2.3.2", RITA)
    assert [asks.change(uid, MINE), asks.change(uid, DONE)] == [0xC302, 0xC301]
    release_claim(site.database, "1.2.3.2", RITA)
    second = uid_of(asks, "1.2.3.2")
    assert second != uid
    assert [asks.change(uid, MINE), asks.change(second, MINE)] == [0xC300, 0x0000]
    with pytest.raises(DecisionRefusedError, match=f"claimed by AE {WORKSTATION}"):
        claim_study(site.database, "1.2.3.2", RITA)
    release_claim(site.database, "1.2.3.2", OTTO)
    assert asks.change(second, DONE) == 0xC300
    status, step = asks.get(second)
    assert step is not None
    assert (status, step.ProcedureStepState) == (0x0000, "CANCELED")
    [progress] = step.ProcedureStepProgressInformationSequence
    assert progress.ReasonForCancellation == "the claim was released"


def test_what_was_read_stays_completed(asks: Workstation, site: Receiver) -> None:
    """Put back on the list, the study has another step."""
    uid = uid_of(asks, "1.2.3.1")
    read_by(site.database, "1.2.3.1")
    take_back(site.database, "1.2.3.1", RITA)
    [first], _ = asks.find(keys(SOPInstanceUID=uid))
    [second], _ = asks.find(keys(StudyInstanceUID="1.2.3.1"))
    assert (first.ProcedureStepState, second.ProcedureStepState) == ("COMPLETED", "SCHEDULED")


def test_what_a_peer_was_not_shown_it_does_not_complete(asks: Workstation, site: Receiver) -> None:
    """An image came since it claimed: it asks again first. Another's question does not count."""
    uid = uid_of(asks, "1.2.3.1")
    asks.change(uid, MINE)
    add_study(site.database, "1.2.3.1", "STAT")
    assert asks.change(uid, DONE) == 0xC304
    with workstation(site.peer, OTHER) as another:
        another.get(uid)
    assert asks.change(uid, DONE) == 0xC304
    asks.get(uid)
    assert asks.change(uid, DONE) == 0x0000
    add_study(site.database, "1.2.3.1", "STAT")
    assert uid_of(asks, "1.2.3.1") != uid


def test_a_performer_says_how_it_goes(asks: Workstation) -> None:
    """By N-SET under its claim, and nothing else; what it said is answered from then on."""
    uid = uid_of(asks, "1.2.3.1")
    progress, performed = Dataset(), Dataset()
    progress.ProcedureStepProgress = "50"
    performed.PerformedProcedureStepDescription = "read twice"
    said = {
        "ProcedureStepProgressInformationSequence": [progress],
        "UnifiedProcedureStepPerformedProcedureSequence": [performed],
    }
    assert asks.set(uid, "2.25.7", **said) == 0xC310
    asks.change(uid, MINE)
    assert asks.set(uid, "2.25.8", **said) == 0xC301
    assert asks.set(uid, "2.25.7", ScheduledProcedureStepPriority="LOW") == 0x0105
    assert asks.set(uid, "2.25.7", **said) == 0x0000
    _, step = asks.get(uid)
    assert step is not None
    assert step.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress == 50
    [item] = step.UnifiedProcedureStepPerformedProcedureSequence
    assert item.PerformedProcedureStepDescription == "read twice"
    asks.change(uid, DONE)
    assert asks.set(uid, "2.25.7", **said) == 0xC300


def test_a_request_to_cancel_leaves_the_study_on_the_list(asks: Workstation) -> None:
    """A step that nobody has is canceled; one in progress only where its performer may hear it."""
    uid = uid_of(asks, "1.2.3.1")
    reason = Dataset()
    reason.ReasonForCancellation = "wrong list"
    assert asks.act(ActionType.REQUEST_CANCEL, uid, reason) == 0x0000
    assert asks.act(ActionType.REQUEST_CANCEL, uid, reason) == 0xB304
    [gone], _ = asks.find(keys(SOPInstanceUID=uid, ProcedureStepProgressInformationSequence=[]))
    [progress] = gone.ProcedureStepProgressInformationSequence
    assert (gone.ProcedureStepState, progress.ReasonForCancellation) == ("CANCELED", "wrong list")
    second = uid_of(asks, "1.2.3.1")
    asks.change(second, MINE)
    assert asks.act(ActionType.REQUEST_CANCEL, second, reason) == 0xC312
    asks.change(second, DONE)
    assert asks.act(ActionType.REQUEST_CANCEL, second, reason) == 0xC311


def test_without_peers_there_is_no_such_service(receiver: Receiver) -> None:
    """The presentation contexts are refused: off by default."""
    with pytest.raises(AssertionError), workstation(receiver.peer):
        pass
