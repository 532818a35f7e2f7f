"""The queues of this system: the rows that wait, and how long a worker may be silent.

A station claims from its own; `docs/architecture.md` shows them all. Waits are in
`screening.domain.backoff`, states in `screening.domain.lifecycle`.
"""

from sqlalchemy.orm import selectinload

from screening.db.tables.columns import stands_at
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Classification, Delivery
from screening.db.tables.procedure_steps import StepReport
from screening.domain.lifecycle import (
    ClassificationState,
    DeliveryState,
    HeatMapState,
    PeerCommitmentRequestState,
    ReportCommitmentState,
    ReportState,
)
from screening.domain.procedure_step import StepReportState
from screening.work.work_queue import Lease, WorkQueue

LONGEST_CLASSIFICATION_LEASE_S = 600
"""What a site may set at most (`SCREENING_LEASE_S`)."""
DELIVERY_LEASE_S = 60
"""Longer than one report may take to send (`storage_scu.destination.Timeouts`, together 45 s); each
answer renews the lease of those behind it."""
QUERY_LEASE_S = 600
"""Longer than the queries about the reports of one transaction may take."""
REQUEST_LEASE_S = 120
"""Longer than an answer takes to be sent, on the request's own association if the peer waits."""
STEP_REPORT_LEASE_S = 60
"""Longer than one report may take to send (`storage_scu.destination.Timeouts`, together 45 s)."""

CLASSIFICATIONS = WorkQueue(
    table=Classification,
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
        longest_s=LONGEST_CLASSIFICATION_LEASE_S + 10,
    ),
    loaded=(selectinload(Classification.instance),),
)

REPORTS = WorkQueue(
    table=Classification,
    key=Classification.id,
    lane=Classification.report_lane,
    state=Classification.report_state,
    waiting=ReportState.DUE,
    attempts=Classification.report_attempts,
    not_before=Classification.report_not_before,
)
"""Without leases: two workers that make the same report make the same bytes, and one is kept."""

DELIVERIES = WorkQueue(
    table=Delivery,
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

HEAT_MAPS = WorkQueue(
    table=HeatMaps,
    key=HeatMaps.id,
    lane=HeatMaps.lane,
    state=HeatMaps.state,
    waiting=HeatMapState.DUE,
    attempts=HeatMaps.attempts,
    not_before=HeatMaps.not_before,
    lease=Lease(
        state=HeatMapState.COMPUTING,
        token=HeatMaps.lease_owner,
        ends_at=HeatMaps.lease_expires_at,
        longest_s=LONGEST_CLASSIFICATION_LEASE_S + 10,
    ),
    loaded=(selectinload(HeatMaps.classification),),
)
"""By the workers that classify, between two batches: they alone have networks."""

HEAT_MAP_REPORTS = WorkQueue(
    table=HeatMaps,
    key=HeatMaps.id,
    lane=HeatMaps.lane,
    state=HeatMaps.report_state,
    waiting=ReportState.DUE,
    attempts=HeatMaps.report_attempts,
    not_before=HeatMaps.report_not_before,
)
"""Without leases, as REPORTS; due once the maps are made, or will not be."""

REPORT_COMMITMENTS = WorkQueue(
    table=ReportCommitment,
    key=ReportCommitment.id,
    lane=None,
    state=ReportCommitment.state,
    waiting=ReportCommitmentState.DUE,
    attempts=ReportCommitment.attempts,
    not_before=ReportCommitment.not_before,
    lease=Lease(
        state=ReportCommitmentState.ASKED,
        token=ReportCommitment.transaction_uid,
        ends_at=ReportCommitment.not_before,
        longest_s=2 * QUERY_LEASE_S,
        keeps_token=True,  # a late answer names it
    ),
)
"""By query; where a destination answers a request for Storage Commitment, the lease is as long as
a site waits for its answer, which may come to another process."""
OPEN_COMMITMENTS = stands_at(
    ReportCommitment.state, ReportCommitmentState.DUE, ReportCommitmentState.ASKED
)
"""The condition of the partial index by which REPORT_COMMITMENTS is read."""

PEER_COMMITMENT_REQUESTS = WorkQueue(
    table=PeerCommitmentRequest,
    key=PeerCommitmentRequest.id,
    lane=None,
    state=PeerCommitmentRequest.state,
    waiting=PeerCommitmentRequestState.DUE,
    attempts=PeerCommitmentRequest.attempts,
    not_before=PeerCommitmentRequest.not_before,
    lease=Lease(
        state=PeerCommitmentRequestState.REPORTING,
        token=PeerCommitmentRequest.attempts,
        ends_at=PeerCommitmentRequest.not_before,
        longest_s=2 * REQUEST_LEASE_S,
        keeps_token=True,
    ),
    by_key=True,
)
OPEN_REQUESTS = stands_at(
    PeerCommitmentRequest.state,
    PeerCommitmentRequestState.DUE,
    PeerCommitmentRequestState.REPORTING,
)
"""The condition of the partial index by which PEER_COMMITMENT_REQUESTS is read."""

STEP_REPORTS = WorkQueue(
    table=StepReport,
    key=StepReport.id,
    lane=None,
    state=StepReport.state,
    waiting=StepReportState.DUE,
    attempts=StepReport.attempts,
    not_before=StepReport.not_before,
    lease=Lease(
        state=StepReportState.SENDING,
        token=StepReport.attempts,
        ends_at=StepReport.not_before,
        longest_s=2 * STEP_REPORT_LEASE_S,
        keeps_token=True,
    ),
    loaded=(selectinload(StepReport.step),),
    by_key=True,
)
OPEN_STEP_REPORTS = stands_at(StepReport.state, StepReportState.DUE, StepReportState.SENDING)
"""The condition of the partial index by which STEP_REPORTS is read."""
