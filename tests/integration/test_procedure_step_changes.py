"""Other systems claim and complete by Unified Procedure Step, as readers do on the page."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.procedure_steps import ProcedureStep
from screening.db.tables.readings import Reading
from screening.domain.procedure_step import (
    GLOBAL_SUBSCRIPTION,
    ActionType,
    StepState,
)
from screening.domain.reading import StudyReading
from screening.errors import DecisionRefusedError
from screening.ops.reading.claims import claim_study, release_claim, take_back
from tests.peers.receiving import Receiver
from tests.peers.ups.listed import OTHER, listed_studies, studies_of, uid_of
from tests.peers.ups.workstation import WORKSTATION, Workstation, keys, workstation
from tests.rows.readings import OTTO, RITA, add_study, entry_of, read_by

pytestmark = pytest.mark.integration

MINE, DONE, GONE = StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED


@pytest.fixture(name="site")
def running_site(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP with a study of each priority."""
    with listed_studies(tmp_path, migrated_database) as running:
        yield running


@pytest.fixture(name="asks")
def workstation_that_asks(site: Receiver) -> Iterator[Workstation]:
    """Open an association of a workstation."""
    with workstation(site.peer) as opened:
        yield opened


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
