"""The state tables: complete, without a dead end, and what retries may wait."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    backoff_s,
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


@given(
    attempts=st.integers(0, 2000),
    first_s=st.floats(0.01, 100),
    longest_s=st.floats(0.01, 10_000),
)
def test_waits_double_up_to_the_longest(attempts: int, first_s: float, longest_s: float) -> None:
    """Between half and the whole of the doubled wait, never beyond the longest."""
    wait_s = backoff_s(attempts, first_s=first_s, longest_s=longest_s)
    ceiling = min(longest_s, first_s * 2.0 ** min(500, max(0, attempts - 1)))
    assert ceiling / 2 <= wait_s <= ceiling


def test_waits_of_many_rows_are_spread() -> None:
    """Jitter: rows that failed together do not come back together."""
    assert len({backoff_s(1, first_s=10, longest_s=600) for _ in range(50)}) > 40
