"""The queues of this system: the rows that wait, and how long a worker may be silent.

A station claims from its own; `docs/architecture.md` shows them all. Waits are in
`screening.domain.backoff`, states in `screening.domain.lifecycle`.
"""

from sqlalchemy.orm import selectinload

from screening.db.tables import Classification, Delivery
from screening.domain.lifecycle import ClassificationState, DeliveryState, ReportState
from screening.work.work_queue import Lease, WorkQueue

DELIVERY_LEASE_S = 60
"""Longer than one report may take to send (`storage_scu.destination.Timeouts`, together 45 s); each
answer renews the lease of those behind it."""

CLASSIFICATIONS = WorkQueue(
    row=Classification,
    key=Classification.id,
    lane=Classification.lane,
    state=Classification.state,
    waiting=ClassificationState.RECEIVED,
    attempts=Classification.attempts,
    not_before=Classification.not_before,
    lease=Lease(
        state=ClassificationState.CLAIMED,
        token=Classification.lease_owner,
        ends_at=Classification.lease_expires_at,
        longest_s=600,  # what a site may set
    ),
    loaded=(selectinload(Classification.instance),),
)

REPORTS = WorkQueue(
    row=Classification,
    key=Classification.id,
    lane=Classification.report_lane,
    state=Classification.report_state,
    waiting=ReportState.DUE,
    attempts=Classification.report_attempts,
    not_before=Classification.report_not_before,
)
"""Without leases: two workers that make the same report make the same bytes, and one is kept."""

DELIVERIES = WorkQueue(
    row=Delivery,
    key=Delivery.id,
    lane=Delivery.lane,
    state=Delivery.state,
    waiting=DeliveryState.PENDING,
    attempts=Delivery.attempts,
    not_before=Delivery.not_before,
    lease=Lease(
        state=DeliveryState.SENDING,
        token=Delivery.lease_owner,
        ends_at=Delivery.lease_expires_at,
        longest_s=2 * DELIVERY_LEASE_S,
    ),
    loaded=(selectinload(Delivery.report),),
)
