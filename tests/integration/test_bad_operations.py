"""One bad request costs its own answer: the association goes on, and the log says why (PS3.7)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from screening.db.session import Database
from tests.peers.association_by_hand import (
    COMMITMENT_CONTEXT_ID,
    associated,
)
from tests.peers.command_sets import (
    ACTION,
    ACTION_TYPE,
    C_CANCEL,
    C_STORE,
    CLASS,
    DATA_SET_TYPE,
    ECHO,
    EVENT_TYPE,
    FIELD,
    INSTANCE,
    MESSAGE_ID,
    N_EVENT_REPORT,
    NO_DATA_SET,
    REPORT,
    REQUESTED_CLASS,
    REQUESTED_INSTANCE,
    RESPONDED_TO,
    RESPONSE,
    STATUS,
    number,
)
from tests.peers.hostile_peer import (
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
)
from tests.peers.receiving import SUCCESS, Receiver, running_receiver

pytestmark = pytest.mark.integration
UID_OF_65 = "1.2." + "3" * 61
UID_OF_64 = "1.2." + "3" * 60


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that takes objects of up to 1 MiB."""
    with running_receiver(tmp_path, migrated_database, max_object_mib=1) as running:
        yield running


ECHOES: dict[str, tuple[dict[int, Any], int]] = {
    "no Message ID": ({MESSAGE_ID: None}, 0x0212),
    "no SOP class": ({CLASS: None}, 0x0122),
    "an empty SOP class": ({CLASS: b""}, 0x0122),
    "a SOP class of 65 characters": ({CLASS: UID_OF_65}, 0x0122),
    "another SOP class": ({CLASS: "1.2.3"}, 0x0122),
    "an unknown operation": ({FIELD: 0x7FFE}, 0x0211),
    "no operation": ({FIELD: None}, 0x0211),
    "C-STORE": ({FIELD: C_STORE, INSTANCE: "1.2.3"}, 0x0211),
    "a data set type": ({DATA_SET_TYPE: 1}, SUCCESS),
    "no data set type": ({DATA_SET_TYPE: None}, SUCCESS),
}


@pytest.mark.parametrize(("wrong", "status"), ECHOES.values(), ids=ECHOES)
def test_a_bad_echo_is_answered_alone(
    receiver: Receiver, wrong: dict[int, Any], status: int
) -> None:
    """With a failure that says what is wrong, or Success where it does not matter."""
    with capture_logs() as lines, associated(receiver) as sender:
        sender.send({**ECHO, **wrong}, on=ECHO_CONTEXT_ID)
        assert number(sender.answer()[STATUS]) == status
        sender.require_going_on(receiver)
    refused = [line["status"] for line in lines if line["event"].endswith("_refused")]
    assert refused == ([] if status == SUCCESS else [f"0x{status:04X}"])


NORMALISED: dict[str, tuple[dict[int, Any], int]] = {
    "no Message ID": ({**ACTION, MESSAGE_ID: None}, 0x0212),
    "no SOP class": ({**ACTION, REQUESTED_CLASS: None}, 0x0118),
    "another SOP class": ({**ACTION, REQUESTED_CLASS: "1.2.3"}, 0x0118),
    "no SOP instance": ({**ACTION, REQUESTED_INSTANCE: None}, 0x0112),
    "a SOP instance of 65 characters": ({**ACTION, REQUESTED_INSTANCE: UID_OF_65}, 0x0112),
    "no action type": ({**ACTION, ACTION_TYPE: None}, 0x0123),
    "an action type of four bytes": ({**ACTION, ACTION_TYPE: bytes(4)}, 0x0123),
    "another action type": ({**ACTION, ACTION_TYPE: 2}, 0x0123),
    "N-GET": ({**ACTION, FIELD: 0x0110}, 0x0211),
    "N-CREATE": ({**ACTION, FIELD: 0x0140}, 0x0211),
    "C-STORE": ({**ACTION, FIELD: C_STORE}, 0x0211),
    "a report without a Message ID": ({**REPORT, MESSAGE_ID: None}, 0x0212),
    "a report without a SOP class": ({**REPORT, CLASS: None}, 0x0118),
    "a report of another SOP class": ({**REPORT, CLASS: "1.2.3"}, 0x0118),
    "a report without a SOP instance": ({**REPORT, INSTANCE: None}, 0x0112),
    "a report without an event type": ({**REPORT, EVENT_TYPE: None}, 0x0113),
}


@pytest.mark.parametrize(("elements", "status"), NORMALISED.values(), ids=NORMALISED)
def test_a_bad_commitment_request_is_refused_alone(
    receiver: Receiver, elements: dict[int, Any], status: int
) -> None:
    """Statuses of PS3.7 10.1, one each, and the association goes on."""
    with associated(receiver) as sender:
        sender.send(elements, b"\x08\x00\x95\x11\x00\x00\x00\x00", on=COMMITMENT_CONTEXT_ID)
        answer = sender.answer()
        assert number(answer[STATUS]) == status
        assert number(answer[FIELD]) == elements[FIELD] | RESPONSE
        sender.require_going_on(receiver)


@pytest.mark.parametrize(
    "elements",
    [
        {FIELD: C_CANCEL, RESPONDED_TO: 7, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: C_CANCEL, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: C_STORE | RESPONSE, RESPONDED_TO: 7, STATUS: 0, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: N_EVENT_REPORT | RESPONSE, RESPONDED_TO: 7, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: N_EVENT_REPORT | RESPONSE, STATUS: 0, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: N_EVENT_REPORT | RESPONSE, RESPONDED_TO: 7, STATUS: 0, DATA_SET_TYPE: NO_DATA_SET},
        {FIELD: 0xFFFF, DATA_SET_TYPE: NO_DATA_SET},
    ],
)
def test_what_asks_for_no_answer_gets_none(receiver: Receiver, elements: dict[int, Any]) -> None:
    """C-CANCELs of nothing and responses to nothing are passed over, as often as they come."""
    with associated(receiver) as sender:
        for _ in range(20):
            sender.send(elements, on=CR_CONTEXT_ID)
        sender.require_going_on(receiver)
