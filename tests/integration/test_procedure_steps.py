"""Other systems query the list by Unified Procedure Step."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance
from screening.dimse.acceptor_dimse import AcceptorDIMSE
from screening.domain.procedure_step import (
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
)
from screening.transport.command_elements import (
    C_CANCEL,
    COMMAND_FIELD,
    elements_in,
    number_in,
)
from screening.ups.operations import find
from tests.peers.receiving import Receiver
from tests.peers.ups.listed import listed_studies, studies_of, uid_of
from tests.peers.ups.workstation import Workstation, keys, workstation
from tests.rows.stored import COMPREHENSIVE_SR, add_report

pytestmark = pytest.mark.integration


@pytest.fixture(name="site", scope="module")
def standing_site(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[Receiver]:
    """Run one SCP for all: nobody here changes anything."""
    folder = tmp_path_factory.mktemp("listed")
    url = f"sqlite:///{shutil.copy(migrated_file, folder / 'screening.db')}"
    with closing(Database(url)) as database, listed_studies(folder, database) as running:
        yield running


@pytest.fixture(name="asks")
def workstation_that_asks(site: Receiver) -> Iterator[Workstation]:
    """Open an association of a workstation."""
    with workstation(site.peer) as opened:
        yield opened


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


@pytest.mark.parametrize("is_early", [False, True], ids=["under way", "not begun"])
def test_a_query_is_canceled(
    asks: Workstation, monkeypatch: pytest.MonkeyPatch, *, is_early: bool
) -> None:
    """Between two matches; and a late C-CANCEL does not end the next query with its Message ID."""
    came, passed_on = threading.Event(), AcceptorDIMSE.pass_command_set_on
    turn_to = AcceptorDIMSE.get_msg

    def watch(dimse: AcceptorDIMSE, context_id: int, plain: bytes) -> None:
        passed_on(dimse, context_id, plain)
        if number_in(elements_in(plain), COMMAND_FIELD) == C_CANCEL:
            came.set()

    def after_the_cancel(dimse: AcceptorDIMSE, *, block: bool = False) -> Any:
        found = turn_to(dimse, block)
        if found != (None, None):
            came.wait(30)
        return found

    monkeypatch.setattr(AcceptorDIMSE, "pass_command_set_on", watch)
    association = asks.association
    context = next(c for c in association.accepted_contexts if c.abstract_syntax == UPS_QUERY)
    with monkeypatch.context() as slowly:
        slowly.setattr(find, "STUDIES_A_QUERY", 1)
        slowly.setattr(find, "tell", lambda *_: came.wait(30))
        if is_early:
            slowly.setattr(AcceptorDIMSE, "get_msg", after_the_cancel)
        answers = association.send_c_find(keys(), UPS_QUERY, msg_id=9)
        association.send_c_cancel(9, context.context_id)
        assert [answer.Status for answer, _ in answers] == [0xFE00]
    came.clear()
    association.send_c_cancel(9, context.context_id)
    assert came.wait(30)
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


def test_without_peers_there_is_no_such_service(receiver: Receiver) -> None:
    """The presentation contexts are refused: off by default."""
    with pytest.raises(AssertionError), workstation(receiver.peer):
        pass
