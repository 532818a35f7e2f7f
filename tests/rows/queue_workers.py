"""What the workers of each queue do with its one row, by name: claim it, fail, finish."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.classify import claim as classify_claim
from screening.classify import heat_map_queue
from screening.classify.claim import Claim, claim
from screening.classify.heat_map_queue import ClaimedHeatMaps, claim_heat_maps, record_heat_maps
from screening.classify.record import record
from screening.db.clock import shared_now
from screening.db.commitment_scu_answers import record_found
from screening.db.heat_maps import ask
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.db.tables.procedure_steps import ProcedureStep
from screening.delivery.kind import Attempt, Ending
from screening.domain.backoff import Backoff
from screening.domain.commitment import CommitmentAnswer, CommitmentRequested, SopReference
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import FailureReason
from screening.domain.heat_map import HeatMap
from screening.domain.lifecycle import Lane
from screening.domain.procedure_step import EventType
from screening.ensemble.examination import Failed
from screening.receive.commitment_scp.requests import (
    ClaimedRequest,
    add_request,
    claim_request,
    peers_due,
    record_not_reported,
    record_reported,
)
from screening.report import deliveries
from screening.report.commitment_scu.transactions import (
    ClaimedTransaction,
    add_commitments,
    claim_commitments,
    postpone,
)
from screening.report.deliveries import ClaimedDelivery, claim_deliveries, record_attempt
from screening.ups.watching.reports import (
    ClaimedReport,
    add_reports,
    claim_report,
    titles_due,
)
from screening.ups.watching.reports import record_not_reported as record_not_told
from screening.ups.watching.reports import record_reported as record_told
from screening.work.queues import (
    CLASSIFICATIONS,
    DELIVERIES,
    HEAT_MAPS,
    PEER_COMMITMENT_REQUESTS,
    REPORT_COMMITMENTS,
    STEP_REPORTS,
)
from screening.work.work_queue import WorkQueue
from tests.rows.stored import add_bundle, add_classification, add_instance, add_report, add_score

BACKOFF = Backoff(first_s=100, longest_s=600)
ASKED = CommitmentRequested("1.2.9", (SopReference("1.2.840.10008.5.1.4.1.1.1", "1.2.3"),))


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers of one queue do with its one row."""

    queue: WorkQueue[Any]
    add: Callable[[Database], object]
    is_due: Callable[[Database], bool]
    claim: Callable[[Database], Any]
    """Returns what was claimed, empty or None where nothing is due."""
    fail: Callable[[Database, Any], object]
    """Has the row wait for another attempt."""
    finish: Callable[[Database, Any], object]
    finished: str
    """The state of a row that is finished."""


def add_image(database: Database) -> None:
    """Add an image that is to be classified."""
    with database.write() as session:
        add_bundle(session)
        add_classification(session, add_instance(session, "1.2.3"))


def claim_image(database: Database) -> Claim | None:
    """Claim with the longest lease that the settings allow."""
    held = claim(database, bundle_id=1, worker="w", batch_size=1, lease_s=600)
    return held if held.instances else None


def record_result(result: Failed | Refusal, database: Database, held: Claim) -> None:
    """Record a result for the claimed image."""
    record(database, held, {held.instances[0].classification_id: result}, BACKOFF)


def add_result(database: Database) -> None:
    """Add a result whose report is to be made."""
    with database.write() as session:
        image = add_instance(session, "1.2.3")
        add_score(session, image, add_bundle(session), priority="LOW", covid19=0.1)


def add_due_heat_maps(database: Database) -> None:
    """Add a result whose heat-maps somebody waits for."""
    add_result(database)
    with database.write() as session:
        ask(session, session.scalars(select(Classification)).one(), lane=Lane.LIVE)


def record_maps(
    found: FailureReason | list[HeatMap], database: Database, held: ClaimedHeatMaps
) -> None:
    """Record what became of the heat-maps."""
    record_heat_maps(database, held, found, BACKOFF)


def add_delivery(state: str, database: Database) -> None:
    """Add a report and its delivery."""
    with database.write() as session:
        image = add_instance(session, "1.2.3")
        scored = add_score(session, image, add_bundle(session), priority="LOW", covid19=0.1)
        add_report(session, scored, pacs=state)


def record_sent(ending: Ending, database: Database, claimed: list[ClaimedDelivery]) -> None:
    """Record how sending ended."""
    record_attempt(database, claimed[0], Attempt(ending, "", ""), BACKOFF)


def add_commitment(database: Database) -> None:
    """Add a delivered report that its destination is to be asked about."""
    add_delivery("delivered", database)
    add_commitments(database, "pacs", within=None)


def claim_commitment(how: str, lease_s: float, database: Database) -> ClaimedTransaction | None:
    """Ask about what is due."""
    return claim_commitments(database, "pacs", how=how, answer_within_s=lease_s)


def is_commitment_due(lease_s: float, database: Database) -> bool:
    """Return whether a destination is to be asked about anything."""
    queue = REPORT_COMMITMENTS.with_leases_of(lease_s)
    with database.read() as session:
        return queue.is_due(session, shared_now(session))


def ask_later(database: Database, asked: ClaimedTransaction) -> None:
    """Have the destination asked later."""
    postpone(database, asked, [asked.reports[0].commitment_id], "no answer", BACKOFF)


def commit(database: Database, asked: ClaimedTransaction) -> None:
    """Record that the destination has the report."""
    found = [(asked.reports[0].commitment_id, True)]
    record_found(database, asked.transaction_uid, found)


def tell_later(database: Database, claimed: ClaimedRequest) -> None:
    """Have the peer told later."""
    record_not_reported(database, claimed, "no answer", unreachable=False, backoff=BACKOFF)


def tell(database: Database, claimed: ClaimedRequest) -> None:
    """Record that the peer was told."""
    answer = CommitmentAnswer(ASKED.transaction_uid, ASKED.references, {})
    record_reported(database, claimed, answer, 0)


def add_step_report(database: Database) -> None:
    """Have an AE told of a step."""
    with database.write() as session:
        step = ProcedureStep(
            sop_instance_uid="2.25.5", study_instance_uid="1.2.3", after_reading_id=0
        )
        session.add(step)
        session.flush()
        add_reports(session, ["READER_1"], step.id, EventType.STATE_REPORT, Dataset())


def tell_step_later(database: Database, claimed: ClaimedReport) -> None:
    """Have the AE told later."""
    record_not_told(database, claimed, "no answer", BACKOFF)


def tell_step(database: Database, claimed: ClaimedReport) -> None:
    """Record that the AE was told."""
    record_told(database, claimed, 0)


WORK = {
    "classification": Work(
        queue=CLASSIFICATIONS,
        add=add_image,
        is_due=classify_claim.anything_due,
        claim=claim_image,
        fail=partial(record_result, Failed(FailureReason.INTERNAL_ERROR, "")),
        finish=partial(record_result, Refusal(Reason.NOT_CHEST, "")),
        finished="not_applicable",
    ),
    "heat-maps": Work(
        queue=HEAT_MAPS,
        add=add_due_heat_maps,
        is_due=heat_map_queue.any_heat_maps_due,
        claim=partial(claim_heat_maps, bundle_id=1, worker="w", lease_s=600),
        fail=partial(record_maps, FailureReason.INTERNAL_ERROR),
        finish=partial(record_maps, []),
        finished="made",
    ),
    "delivery": Work(
        queue=DELIVERIES,
        add=partial(add_delivery, "pending"),
        is_due=lambda database: deliveries.anything_due(database, ["pacs"]),
        claim=lambda database: claim_deliveries(database, "pacs"),
        fail=partial(record_sent, Ending.RETRY),
        finish=partial(record_sent, Ending.DELIVERED),
        finished="delivered",
    ),
    "commitment by query": Work(
        queue=REPORT_COMMITMENTS.with_leases_of(600),
        add=add_commitment,
        is_due=partial(is_commitment_due, 600),
        claim=partial(claim_commitment, "query", 600),
        fail=ask_later,
        finish=commit,
        finished="committed",
    ),
    "commitment by request": Work(
        queue=REPORT_COMMITMENTS.with_leases_of(1200),
        add=add_commitment,
        is_due=partial(is_commitment_due, 1200),
        claim=partial(claim_commitment, "storage-commitment", 1200),
        fail=ask_later,
        finish=commit,
        finished="committed",
    ),
    "peer's request": Work(
        queue=PEER_COMMITMENT_REQUESTS,
        add=lambda database: add_request(database, "CR1", ASKED),
        is_due=lambda database: peers_due(database) == ["CR1"],
        claim=lambda database: claim_request(database, "CR1"),
        fail=tell_later,
        finish=tell,
        finished="reported",
    ),
    "event of a procedure step": Work(
        queue=STEP_REPORTS,
        add=add_step_report,
        is_due=lambda database: titles_due(database) == ["READER_1"],
        claim=lambda database: claim_report(database, "READER_1"),
        fail=tell_step_later,
        finish=tell_step,
        finished="reported",
    ),
}
"""Of every queue with leases."""


def set_clock(database: Database, queue: WorkQueue[Any], by: timedelta) -> None:
    """Bring the rows to where they stand after the clock was set by so much."""
    leases = [queue.lease.ends_at.key] if queue.lease else []
    with database.write() as session:
        for row in session.scalars(select(queue.table)):
            for column in {queue.not_before.key, *leases}:
                if (at := getattr(row, column)) is not None:
                    setattr(row, column, at - by)


def the_row(database: Database, queue: WorkQueue[Any]) -> dict[str, Any]:
    """Return the columns of the queue's one row."""
    with database.read() as session:
        row = session.scalars(select(queue.table)).one()
        return {column.key: getattr(row, column.key) for column in queue.table.__table__.columns}
