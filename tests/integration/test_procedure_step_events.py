"""Who watches steps hears of every change, in order, also after having been away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.procedure_steps import StepReport, StepSubscription
from screening.domain.procedure_step import (
    FILTERED_GLOBAL_SUBSCRIPTION,
    GLOBAL_SUBSCRIPTION,
    ActionType,
    StepState,
)
from screening.ops.reading.claims import claim_study, release_claim
from tests.peers.receiving import Receiver, running_receiver
from tests.peers.ups.workstation import (
    WORKSTATION,
    Heard,
    Workstation,
    keys,
    listening,
    workstation,
)
from tests.rows.readings import RITA, add_study
from tests.rows.stored import add_classification, add_instance
from tests.services.servers import free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration

STATE, CANCEL, PROGRESS = 1, 2, 3
QUICK: dict[str, Any] = {"retry_first_s": 0.2, "retry_longest_s": 0.5}


@contextmanager
def watched(folder: Path, database: Database, port: int) -> Iterator[Receiver]:
    """Run an SCP that knows where a workstation listens."""
    peers = [{"ae_title": WORKSTATION, "host": "127.0.0.1", "port": port}]
    with running_receiver(folder, database, ups_peers=peers, **QUICK) as running:
        yield running


def arrive(database: Database, study: str, priority: str) -> None:
    """Have an image and its result arrive, with the event that a station records."""
    add_study(database, study, priority)
    with database.write() as session:
        add_event(session, "instance_classified", study_instance_uid=study)


def uid_of(asks: Workstation, study: str) -> str:
    """Return the UID of a study's step that counts now."""
    [match], _ = asks.find(keys(StudyInstanceUID=study))
    return str(match.SOPInstanceUID)


def told(heard: Heard) -> tuple[str, int, str]:
    """Return the next event: UID, type, and the state or the description that it tells."""
    uid, kind, said = heard.next()
    if kind == PROGRESS:
        [item] = said.ProcedureStepProgressInformationSequence
        return uid, kind, str(item.ProcedureStepProgressDescription)
    return uid, kind, str(said.get("ProcedureStepState", ""))


def test_a_watcher_hears_of_every_change(tmp_path: Path, migrated_database: Database) -> None:
    """A step that begins, a claim on the page, another priority, a release and what follows."""
    heard, database = Heard(), migrated_database
    with listening(heard) as port, watched(tmp_path, database, port) as site:
        with workstation(site.peer) as asks:
            assert asks.watch(ActionType.SUBSCRIBE, GLOBAL_SUBSCRIPTION) == 0x0000
            arrive(database, "1.2.3.1", "LOW")
            uid = uid_of(asks, "1.2.3.1")
            assert told(heard) == (uid, STATE, "SCHEDULED")
            claim_study(database, "1.2.3.1", RITA)
            assert told(heard) == (uid, STATE, "IN PROGRESS")
            arrive(database, "1.2.3.1", "STAT")
            assert told(heard) == (uid, PROGRESS, "priority HIGH")
            release_claim(database, "1.2.3.1", RITA)
            second = uid_of(asks, "1.2.3.1")
            events = {told(heard), told(heard)}
            assert events == {(uid, STATE, "CANCELED"), (second, STATE, "SCHEDULED")}
        with database.write() as session:  # an image that waits for its result
            add_classification(session, add_instance(session, "1.2.3.1"))
            add_event(session, "instance_received", study_instance_uid="1.2.3.1")
        uid, kind, said = heard.next()
        assert (uid, kind, said.InputReadinessState) == (second, STATE, "INCOMPLETE")
    with database.read() as session:
        states = session.execute(select(StepReport.state, func.count()).group_by(StepReport.state))
        assert [tuple(row) for row in states] == [("reported", 6)]


def test_subscriptions_are_to_one_step_to_all_or_to_those_that_fit(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Each until it ends; a suspended one covers the steps that were there."""
    heard, database = Heard(), migrated_database
    for study, priority in (("1.2.3.1", "LOW"), ("1.2.3.2", "STAT")):
        arrive(database, study, priority)
    with (
        listening(heard) as port,
        watched(tmp_path, database, port) as site,
        workstation(site.peer) as asks,
    ):
        low, stat = uid_of(asks, "1.2.3.1"), uid_of(asks, "1.2.3.2")
        assert asks.watch(ActionType.SUBSCRIBE, low) == 0x0000
        assert told(heard) == (low, STATE, "SCHEDULED")
        assert asks.watch(ActionType.SUBSCRIBE, "1.2.3") == 0xC307
        assert asks.watch(ActionType.SUSPEND_GLOBAL_SUBSCRIPTION, low) == 0xC314
        filtered = {"ScheduledProcedureStepPriority": "HIGH"}
        assert asks.watch(ActionType.SUBSCRIBE, FILTERED_GLOBAL_SUBSCRIPTION, **filtered) == 0
        bad = {"ScheduledProcedureStepStartDateTime": "20261301"}
        answer = asks.watch(ActionType.SUBSCRIBE, FILTERED_GLOBAL_SUBSCRIPTION, **bad)
        assert answer == 0x0115
        assert asks.watch(ActionType.UNSUBSCRIBE, low) == 0x0000
        asks.change(low, StepState.IN_PROGRESS)
        asks.change(stat, StepState.IN_PROGRESS)
        assert told(heard) == (stat, STATE, "IN PROGRESS")
        asks.watch(ActionType.SUBSCRIBE, GLOBAL_SUBSCRIPTION)
        asks.watch(ActionType.SUSPEND_GLOBAL_SUBSCRIPTION, GLOBAL_SUBSCRIPTION)
        arrive(database, "1.2.3.3", "STAT")
        asks.change(stat, StepState.COMPLETED)
        assert told(heard) == (stat, STATE, "COMPLETED")
        assert asks.watch(ActionType.UNSUBSCRIBE, GLOBAL_SUBSCRIPTION) == 0x0000
    with database.read() as session:
        assert session.scalars(select(StepSubscription)).all() == []
    assert heard.events.empty()


def test_who_has_claimed_hears_of_requests_to_cancel(
    tmp_path: Path, migrated_database: Database
) -> None:
    """With the reason, and by whom; it is theirs to cancel. Progress is heard as it was said."""
    heard, database = Heard(), migrated_database
    arrive(database, "1.2.3.1", "LOW")
    with (
        listening(heard) as port,
        watched(tmp_path, database, port) as site,
        workstation(site.peer) as asks,
    ):
        uid = uid_of(asks, "1.2.3.1")
        asks.change(uid, StepState.IN_PROGRESS)
        asks.watch(ActionType.SUBSCRIBE, uid)
        assert told(heard) == (uid, STATE, "IN PROGRESS")
        reason, progress = Dataset(), Dataset()
        reason.ReasonForCancellation = "wrong patient"
        assert asks.act(ActionType.REQUEST_CANCEL, uid, reason) == 0x0000
        heard_of, kind, said = heard.next()
        assert (heard_of, kind) == (uid, CANCEL)
        assert (said.RequestingAE, said.ReasonForCancellation) == (WORKSTATION, "wrong patient")
        progress.ProcedureStepProgressDescription = "half"
        asks.set(uid, "2.25.7", ProcedureStepProgressInformationSequence=[progress])
        assert told(heard) == (uid, PROGRESS, "half")


def test_who_was_away_is_told_in_order_when_it_is_back(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The rows wait, over a restart of the SCP, and what happened meanwhile is noticed then."""
    heard, database, port = Heard(), migrated_database, free_port()
    arrive(database, "1.2.3.1", "LOW")
    with watched(tmp_path, database, port) as site:
        with workstation(site.peer) as asks:
            uid = uid_of(asks, "1.2.3.1")
            asks.watch(ActionType.SUBSCRIBE, GLOBAL_SUBSCRIPTION)
            asks.change(uid, StepState.IN_PROGRESS)
        wait_until(lambda: bool(failures(database)), "a report that failed", 30)
    arrive(database, "1.2.3.2", "STAT")
    with watched(tmp_path, database, port) as site:
        with workstation(site.peer) as asks:
            asks.change(uid, StepState.COMPLETED)
            second = uid_of(asks, "1.2.3.2")
        wait_until(lambda: count(database) == 3, "three reports", 30)
        with listening(heard, port=port):
            events = [told(heard) for _ in range(3)]
    assert events[0] == (uid, STATE, "IN PROGRESS")
    assert set(events[1:]) == {(uid, STATE, "COMPLETED"), (second, STATE, "SCHEDULED")}


def failures(database: Database) -> list[str]:
    """Return why reports were not told."""
    with database.read() as session:
        rows = session.scalars(select(StepReport.last_message).order_by(StepReport.id))
        return [message for message in rows if message]


def count(database: Database) -> int:
    """Return how many reports there are."""
    with database.read() as session:
        return session.execute(select(func.count()).select_from(StepReport)).scalar_one()
