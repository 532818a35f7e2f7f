"""The state tables: complete and without a dead end."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from screening.domain.lifecycle import (
    CLASSIFICATION_EDGES,
    COMMITMENT_EDGES,
    COMMITMENT_REQUEST_EDGES,
    CORRECTION_EDGES,
    DELIVERY_EDGES,
    FAILURE_POLICIES,
    REPORT_EDGES,
    ClassificationState,
    CommitmentRequestState,
    CommitmentState,
    CorrectionState,
    DeliveryState,
    FailureReason,
    ReportState,
    is_legal_classification_edge,
)

TABLES = [
    (ClassificationState, CLASSIFICATION_EDGES, ClassificationState.RECEIVED),
    (ReportState, REPORT_EDGES, ReportState.NONE),
    (DeliveryState, DELIVERY_EDGES, DeliveryState.PENDING),
    (CorrectionState, CORRECTION_EDGES, CorrectionState.WAITING),
    (CommitmentState, COMMITMENT_EDGES, CommitmentState.DUE),
    (CommitmentRequestState, COMMITMENT_REQUEST_EDGES, CommitmentRequestState.DUE),
]
RESTING = {
    ReportState.MADE,
    CorrectionState.ACCEPTED,
    CorrectionState.REJECTED,
    DeliveryState.DELIVERED,
    DeliveryState.GIVEN_UP,
    CommitmentRequestState.REPORTED,
}
"""Ends that may be reopened: by a commitment that failed, a person, a peer that asks again, a
result that stands again."""
Edges = Mapping[StrEnum, frozenset[StrEnum]]


@pytest.mark.parametrize(("states", "edges", "first"), TABLES)
def test_every_state_stands_in_its_table_and_can_be_reached(
    states: type[StrEnum], edges: Edges, first: StrEnum
) -> None:
    """Walking every edge from the first state meets every state, and none leads to itself."""
    assert set(edges) == set(states)
    met, to_walk = set(), [first]
    while to_walk:
        state = to_walk.pop()
        met.add(state)
        assert state not in edges[state]
        to_walk += [after for after in edges[state] if after not in met]
    assert met == set(states)


@pytest.mark.parametrize(("states", "edges", "first"), TABLES)
def test_every_state_leads_to_an_end(states: type[StrEnum], edges: Edges, first: StrEnum) -> None:
    """Nothing can circle for ever without a way out."""
    del first
    ends = {state for state in states if not edges[state] or state in RESTING}
    for _ in states:
        ends |= {state for state in states if edges[state] & ends}
    assert ends == set(states)


@pytest.mark.parametrize("old", ClassificationState)
@pytest.mark.parametrize("new", ClassificationState)
def test_classification_edges(old: ClassificationState, new: ClassificationState) -> None:
    """Work is claimed first; results are final, and only a failure may be taken up again."""
    results = {"classified", "not_applicable", "failed"}
    legal = {("received", "claimed"), ("received", "failed"), ("claimed", "received")}
    legal |= {("claimed", result) for result in results} | {("failed", "received")}
    assert is_legal_classification_edge(old, new) == ((old.value, new.value) in legal)


def test_every_failure_has_a_policy_in_words() -> None:
    """A bad object is never retried: the same bytes give the same failure."""
    assert set(FAILURE_POLICIES) == set(FailureReason)
    for policy in FAILURE_POLICIES.values():
        assert policy.meaning
        assert not (policy.retry and policy.object_at_fault)
