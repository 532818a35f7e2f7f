"""Delivered reports are asked about, confirmed, sent again or parked."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from screening.db.clock import shared_now
from screening.db.commitment_scu_answers import record_answer, record_found
from screening.db.session import Database
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Delivery, Event
from screening.delivery.kind import Attempt, Ending
from screening.domain.backoff import Backoff
from screening.domain.commitment import CommitmentAnswer, SopReference
from screening.domain.failures import MAX_ATTEMPTS
from screening.ops.delivery_control import release_parked
from screening.ops.ledger import read_ledger
from screening.report.commitment_scu.transactions import (
    REPORTS_A_REQUEST,
    ClaimedTransaction,
    add_commitments,
    claim_commitments,
    postpone,
)
from screening.report.deliveries import claim_deliveries, record_attempt
from tests.rows.stored import NOON, add_bundle, add_instance, add_report, add_score


def add_delivered(database: Database, *, count: int = 1, **states: str) -> None:
    """Add reports, each with one delivery for each destination=state, delivered a minute ago."""
    with database.write() as session:
        bundle = add_bundle(session)
        for number in range(count):
            image = add_instance(session, f"1.2.{number}")
            scored = add_score(session, image, bundle, priority="LOW", covid19=0.1)
            add_report(session, scored, **states)


def ask(database: Database, destination: str = "pacs") -> ClaimedTransaction | None:
    """Do what a courier does up to the N-ACTION."""
    add_commitments(database, destination, within=None)
    return claim_commitments(database, destination, how="storage-commitment", answer_within_s=100)


def asked(database: Database) -> ClaimedTransaction:
    """Ask where something must be due."""
    request = ask(database)
    assert request is not None
    return request


def answer(request: ClaimedTransaction, reason: int | None = None) -> CommitmentAnswer:
    """Return the answer to a request: all committed, or all failed for a reason."""
    references = tuple(report.reference for report in request.reports)
    if reason is None:
        return CommitmentAnswer(request.transaction_uid, references, {})
    return CommitmentAnswer(request.transaction_uid, (), dict.fromkeys(references, reason))


def rows(database: Database) -> tuple[Delivery, ReportCommitment]:
    """Return the one delivery and its commitment."""
    with database.read() as session:
        return session.scalars(select(Delivery)).one(), session.scalars(
            select(ReportCommitment)
        ).one()


def deliver_again(database: Database) -> None:
    """Do what a delivery courier does."""
    [claimed] = claim_deliveries(database, "pacs")
    done = Attempt(Ending.DELIVERED, "0x0000", "stored")
    record_attempt(database, claimed, done, Backoff(1, 1))


def let_time_pass(database: Database) -> None:
    """Bring every row to where its wait is over."""
    with database.write() as session:
        session.execute(update(ReportCommitment).values(not_before=NOON))


def test_only_what_was_delivered_there_is_asked_about(database: Database) -> None:
    """Other destinations and reports on their way are left alone; a request is bounded."""
    add_delivered(database, count=REPORTS_A_REQUEST + 1, pacs="delivered", viewer="delivered")
    first = asked(database)
    assert len(first.reports) == REPORTS_A_REQUEST
    assert len(asked(database).reports) == 1
    assert ask(database) is None
    assert add_commitments(database, "pacs", within=None) == 0


@pytest.mark.parametrize("state", ["pending", "sending", "parked"])
def test_what_is_not_delivered_is_not_asked_about(database: Database, state: str) -> None:
    """There is nothing to confirm yet."""
    add_delivered(database, pacs=state)
    assert ask(database) is None


def test_only_recent_deliveries_are_looked_at_again(database: Database) -> None:
    """The first look is at all, later ones at what came since."""
    add_delivered(database, pacs="delivered")
    with database.write() as session:
        an_hour_ago = shared_now(session) - timedelta(hours=1)
        session.execute(update(Delivery).values(delivered_at=an_hour_ago))
    assert add_commitments(database, "pacs", within=timedelta(minutes=50)) == 0
    assert add_commitments(database, "pacs", within=timedelta(minutes=70)) == 1


def test_a_confirmed_report_is_done(database: Database) -> None:
    """It is asked about no more, the ledger counts it, the trail has both lines."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    assert record_answer(database, answer(request)) == 1
    delivery, commitment = rows(database)
    assert (delivery.state, commitment.state) == ("delivered", "committed")
    let_time_pass(database)
    assert ask(database) is None
    assert read_ledger(database).report_commitments == {("pacs", "committed"): 1}
    with database.read() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds == ["report_commitment_asked", "report_committed"]


def test_an_answer_to_an_unknown_transaction_changes_nothing(database: Database) -> None:
    """Nobody who does not know the Transaction UID confirms anything."""
    add_delivered(database, pacs="delivered")
    reference = asked(database).reports[0].reference
    assert record_answer(database, CommitmentAnswer("2.25.9", (reference,), {})) == 0
    assert rows(database)[1].state == "asked"


def test_a_report_the_answer_does_not_name_stays_asked(database: Database) -> None:
    """Silence on one report is no confirmation of it."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    other = SopReference("1.2", "1.3")
    record_answer(database, CommitmentAnswer(request.transaction_uid, (other,), {}))
    assert rows(database)[1].state == "asked"


def test_a_report_that_is_missing_there_is_sent_again(database: Database) -> None:
    """Then it is asked about again; the second answer confirms it."""
    add_delivered(database, pacs="delivered")
    record_answer(database, answer(asked(database), 0x0112))
    delivery, commitment = rows(database)
    assert (delivery.state, delivery.delivered_at, commitment.state) == ("pending", None, "due")
    assert ask(database) is None
    deliver_again(database)
    record_answer(database, answer(asked(database)))
    delivery, commitment = rows(database)
    assert (delivery.state, commitment.state, commitment.failures) == ("delivered", "committed", 1)


def test_a_destination_that_never_keeps_it_has_it_parked(database: Database) -> None:
    """After three times; a person's retry starts from the beginning."""
    add_delivered(database, pacs="delivered")
    for _ in range(MAX_ATTEMPTS - 1):
        record_answer(database, answer(asked(database), 0x0112))
        deliver_again(database)
    record_answer(database, answer(asked(database), 0x0112))
    delivery, commitment = rows(database)
    assert (delivery.state, delivery.last_status, commitment.state) == (
        "parked",
        "0x0112",
        "failed",
    )
    assert "does not commit itself" in (delivery.last_message or "")
    assert ask(database) is None
    assert release_parked(database, "pacs") == 1
    assert rows(database)[1].state == "due"
    deliver_again(database)
    assert record_answer(database, answer(asked(database))) == 1
    assert rows(database)[1].state == "committed"


@pytest.mark.parametrize("reason", [0x0119, 0x0122])
def test_what_sending_again_cannot_mend_is_parked_at_once(database: Database, reason: int) -> None:
    """Another class under that UID, or a class it does not commit itself to."""
    add_delivered(database, pacs="delivered")
    record_answer(database, answer(asked(database), reason))
    delivery, commitment = rows(database)
    assert (delivery.state, commitment.state) == ("parked", "failed")


@pytest.mark.parametrize("reason", [0x0131, 0x0213])
def test_what_passes_is_asked_again_later(database: Database, reason: int) -> None:
    """The destination is short of resources: the report is not sent again, and never parked."""
    add_delivered(database, pacs="delivered")
    for _ in range(MAX_ATTEMPTS + 1):
        record_answer(database, answer(asked(database), reason))
        delivery, commitment = rows(database)
        assert (delivery.state, commitment.state) == ("delivered", "due")
        assert ask(database) is None
        let_time_pass(database)


def test_a_destination_that_cannot_be_asked_is_asked_later(database: Database) -> None:
    """The wait is on the row, with the reason."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    ids = [report.commitment_id for report in request.reports]
    postpone(database, request, ids, "cannot be reached", Backoff(100, 300))
    commitment = rows(database)[1]
    assert (commitment.state, commitment.last_message) == ("due", "cannot be reached")
    assert ask(database) is None
    let_time_pass(database)
    assert not asked(database).reports[0].overdue


def test_an_overdue_answer_is_asked_for_anew(database: Database) -> None:
    """Under another Transaction UID; the late answer to the first one is unknown."""
    add_delivered(database, pacs="delivered")
    first = asked(database)
    assert ask(database) is None
    let_time_pass(database)
    second = asked(database)
    assert second.transaction_uid != first.transaction_uid
    assert second.reports[0].overdue
    assert record_answer(database, answer(first)) == 0
    assert record_answer(database, answer(second)) == 1
    assert rows(database)[1].state == "committed"


def test_an_answer_to_a_question_that_seemed_lost_counts(database: Database) -> None:
    """The N-ACTION got no response in time, and yet the destination had it."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    ids = [report.commitment_id for report in request.reports]
    postpone(database, request, ids, "no answer", Backoff(100, 300))
    assert record_answer(database, answer(request)) == 1
    assert rows(database)[1].state == "committed"


def test_what_was_confirmed_stays_confirmed(database: Database) -> None:
    """A second answer under the same Transaction UID that says otherwise changes nothing."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    record_answer(database, answer(request))
    record_answer(database, answer(request, 0x0112))
    delivery, commitment = rows(database)
    assert (delivery.state, commitment.state) == ("delivered", "committed")


def test_the_same_failure_told_twice_counts_once(database: Database) -> None:
    """A destination repeats its answer when ours got lost."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    assert record_answer(database, answer(request, 0x0112)) == 1
    assert record_answer(database, answer(request, 0x0112)) == 0
    assert rows(database)[1].failures == 1


def test_a_postponement_after_the_answer_changes_nothing(database: Database) -> None:
    """The answer came on another association before ours had failed."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    record_answer(database, answer(request))
    ids = [report.commitment_id for report in request.reports]
    postpone(database, request, ids, "aborted", Backoff(100, 300))
    assert rows(database)[1].state == "committed"


@pytest.mark.parametrize(("found", "state"), [(True, "committed"), (False, "due")])
def test_a_query_confirms_or_has_it_sent_again(database: Database, found: bool, state: str) -> None:  # noqa: FBT001  a parameter
    """What the destination lists is confirmed; what it does not goes out again."""
    add_delivered(database, pacs="delivered")
    request = asked(database)
    record_found(database, request.transaction_uid, [(request.reports[0].commitment_id, found)])
    delivery, commitment = rows(database)
    assert commitment.state == state
    assert delivery.state == ("delivered" if found else "pending")
