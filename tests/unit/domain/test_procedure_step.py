"""Who may change a procedure step how: PS3.4 table CC.1.1-2, state by state."""

import pytest

from screening.domain.procedure_step import (
    ACTIONS,
    CANCEL_REQUESTS,
    CHANGES,
    STATUS_COMMENTS,
    STEP_PRIORITIES,
    StepPriority,
    StepState,
    Transaction,
    answer_to_change,
    answer_to_set,
)
from screening.worklist.studies.ordering import ReadingPriority

NEW, MINE = StepState.SCHEDULED, StepState.IN_PROGRESS
DONE, GONE = StepState.COMPLETED, StepState.CANCELED
HOLDER = Transaction("READER_1", "2.25.1")
OTHERS = (
    Transaction("READER_1", "2.25.2"),
    Transaction("READER_2", "2.25.1"),
    Transaction("READER_1", ""),
)


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        (NEW, (0xC303, 0xC303, 0xC303, 0xC303)),
        (MINE, (0x0000, 0xC302, 0xC300, 0xC300)),
        (DONE, (0xC310, 0x0000, 0xB306, 0xC300)),
        (GONE, (0xC310, 0x0000, 0xC300, 0xB304)),
    ],
)
def test_the_claimant_changes_a_step_along_the_standards_table(
    asked: StepState, statuses: tuple[int, ...]
) -> None:
    """From each state, with the right Transaction UID."""
    found = tuple(answer_to_change(asked, present, HOLDER, HOLDER) for present in StepState)
    assert found == statuses


@pytest.mark.parametrize("by", OTHERS)
def test_another_does_not_end_a_claim(by: Transaction) -> None:
    """Neither with another Transaction UID, nor as another AE, nor without any."""
    for asked in (DONE, GONE):
        for present in (MINE, DONE, GONE):
            assert answer_to_change(asked, present, by, HOLDER) == 0xC301
    for present, status in {NEW: 0xC310, MINE: 0xC301, DONE: 0xC300, GONE: 0xC300}.items():
        assert answer_to_set(present, by, HOLDER) == status


def test_a_claim_on_the_page_is_ended_by_nobody_else() -> None:
    """It has no Transaction UID, and an empty one is none."""
    for by in (HOLDER, *OTHERS):
        assert answer_to_change(DONE, MINE, by, None) == 0xC301
        assert answer_to_set(MINE, by, None) == 0xC301


def test_a_claim_needs_a_transaction_uid() -> None:
    """Whatever the state; else nobody could end it."""
    for present in StepState:
        assert answer_to_change(MINE, present, OTHERS[2], None) == 0xC301


def test_every_state_has_an_answer_and_each_comment_fits() -> None:
    """An Error Comment has 64 characters at most (PS3.7 annex E)."""
    assert set(CHANGES) == set(CANCEL_REQUESTS) == set(StepState)
    assert all(set(answers) == set(StepState) for answers in CHANGES.values())
    assert all(0 < len(comment) <= 64 for comment in STATUS_COMMENTS.values())
    assert all(actions for actions in ACTIONS.values())


def test_every_priority_of_the_list_has_one_of_a_step() -> None:
    """In their order; unknown is never read as unsuspicious."""
    assert list(STEP_PRIORITIES) == list(ReadingPriority)
    urgency = [list(StepPriority).index(one) for one in STEP_PRIORITIES.values()]
    assert urgency == sorted(urgency)
    assert STEP_PRIORITIES["UNSCORED"] is StepPriority.MEDIUM
