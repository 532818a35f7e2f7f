"""The state tables: complete and without a dead end."""

from enum import StrEnum

import pytest

from screening.domain.failures import FAILURE_POLICIES, FailureReason
from screening.domain.lifecycle import (
    LIFECYCLES,
    BundleRole,
    ClassificationState,
    CorrectionState,
    DeliveryState,
    PeerCommitmentRequestState,
    ReportState,
)

RESTING = {
    ReportState.MADE,
    CorrectionState.ACCEPTED,
    CorrectionState.REJECTED,
    DeliveryState.DELIVERED,
    DeliveryState.GIVEN_UP,
    PeerCommitmentRequestState.REPORTED,
    BundleRole.RETIRED,
}
"""Ends that may be reopened: by a commitment that failed, a person, a peer that asks again, a
result that stands again."""


@pytest.mark.parametrize("states", LIFECYCLES)
def test_every_state_stands_in_its_table_and_can_be_reached(states: type[StrEnum]) -> None:
    """Walking every edge from the first state meets every state, and none leads to itself."""
    edges, first = LIFECYCLES[states].edges, LIFECYCLES[states].initial[0]
    assert set(edges) == set(states)
    met, to_walk = set(), [first]
    while to_walk:
        state = to_walk.pop()
        met.add(state)
        assert state not in edges[state]
        to_walk += [after for after in edges[state] if after not in met]
    assert met == set(states)


@pytest.mark.parametrize("states", LIFECYCLES)
def test_every_state_leads_to_an_end(states: type[StrEnum]) -> None:
    """Nothing can circle for ever without a way out."""
    edges = LIFECYCLES[states].edges
    ends = {state for state in states if not edges[state] or state in RESTING}
    for _ in states:
        ends |= {state for state in states if edges[state] & ends}
    assert ends == set(states)


@pytest.mark.parametrize("states", LIFECYCLES)
def test_a_row_begins_and_is_taken_up_anew_in_states_of_its_own(states: type[StrEnum]) -> None:
    """No table names a state of another one, nor an end as one that is entered anew."""
    lifecycle = LIFECYCLES[states]
    every = {*lifecycle.initial, *lifecycle.self_edges, *lifecycle.edges}
    every |= {state for after in lifecycle.edges.values() for state in after}
    assert {type(state) for state in every} == {states}
    assert not {state for state in lifecycle.self_edges if not lifecycle.edges[state]}


@pytest.mark.parametrize("old", ClassificationState)
@pytest.mark.parametrize("new", ClassificationState)
def test_classification_edges(old: ClassificationState, new: ClassificationState) -> None:
    """Work is claimed first; results are final, and only a failure may be taken up again.

    What was tried too often is claimed no more: it failed, or is in conflict where another object
    stands. A claim whose lease ran out is claimed anew.
    """
    results = {"classified", "not_applicable", "failed"}
    legal = {("received", "claimed"), ("received", "failed"), ("claimed", "received")}
    legal |= {("claimed", result) for result in results} | {("failed", "received")}
    legal |= {("received", "not_applicable"), ("claimed", "claimed")}
    lifecycle = LIFECYCLES[ClassificationState]
    assert lifecycle.allows(old, new) == ((old.value, new.value) in legal)
    assert (old in lifecycle.before(new)) == lifecycle.allows(old, new)


def test_every_failure_has_a_policy_in_words() -> None:
    """A bad object is never retried: the same bytes give the same failure."""
    assert set(FAILURE_POLICIES) == set(FailureReason)
    for policy in FAILURE_POLICIES.values():
        assert policy.meaning
        assert not (policy.retry and policy.object_at_fault)
