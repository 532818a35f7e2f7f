"""One bad request costs its own answer: the association goes on, and the log says why (PS3.7)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from screening.db.session import Database
from screening.imaging.quiet import quiet
from tests.peers.association_by_hand import (
    COMMITMENT_CONTEXT_ID,
    LAST_COMMAND,
    RADIOGRAPH,
    associated,
    body,
)
from tests.peers.command_sets import (
    ACTION,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    CLASS,
    COMMENT,
    DATA_SET_TYPE,
    ECHO,
    FIELD,
    INSTANCE,
    MESSAGE_ID,
    N_ACTION,
    NO_DATA_SET,
    PRIORITY,
    RESPONDED_TO,
    RESPONSE,
    STATUS,
    STORE,
    Elements,
    command_set,
    number,
)
from tests.peers.hostile_peer import (
    A_ABORT,
    COMMAND,
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
    LAST_FRAGMENT,
    p_data,
    resident_mib,
)
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
UID_OF_65 = "1.2." + "3" * 61
UID_OF_64 = "1.2." + "3" * 60


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that takes objects of up to 1 MiB."""
    with running_receiver(tmp_path, migrated_database, max_object_mib=1) as running:
        yield running


STORES: dict[str, tuple[dict[int, Any], int]] = {
    "a SOP Instance UID of 65 characters": ({INSTANCE: UID_OF_65}, 0xA900),
    "a SOP Instance UID of 300 characters": ({INSTANCE: "1." * 149 + "1"}, 0xA900),
    "no SOP Instance UID": ({INSTANCE: None}, 0xA900),
    "an empty SOP Instance UID": ({INSTANCE: b""}, 0xA900),
    "a SOP Instance UID of NULs": ({INSTANCE: bytes(8)}, 0xA900),
    "a NUL within the SOP Instance UID": ({INSTANCE: b"1.2\0.3"}, 0xA900),
    "a SOP Instance UID of no ASCII": ({INSTANCE: "1.2.Ä.".encode("latin-1")}, 0xA900),
    "no SOP Class UID": ({CLASS: None}, 0xA900),
    "an empty SOP Class UID": ({CLASS: b""}, 0xA900),
    "a SOP Class UID of 65 characters": ({CLASS: UID_OF_65}, 0xA900),
    "neither SOP UID": ({CLASS: None, INSTANCE: None}, 0xA900),
    "a SOP class that is not received": ({CLASS: "1.2.3.4"}, 0x0122),
    "a SOP class of another service": ({CLASS: "1.2.840.10008.1.1"}, 0x0122),
    "no Message ID": ({MESSAGE_ID: None}, 0x0212),
    "an empty Message ID": ({MESSAGE_ID: b""}, 0x0212),
    "a Message ID of four bytes": ({MESSAGE_ID: bytes(4)}, 0x0212),
    "an unknown operation": ({FIELD: 0x0002}, 0x0211),
    "no operation": ({FIELD: None}, 0x0211),
    "C-FIND": ({FIELD: C_FIND}, 0x0211),
    "C-MOVE": ({FIELD: C_MOVE}, 0x0211),
    "C-GET": ({FIELD: C_GET}, 0x0211),
    "C-FIND of its own SOP class": ({FIELD: C_FIND, CLASS: "1.2.840.10008.5.1.4.1.2.2.1"}, 0x0211),
    "N-ACTION": ({FIELD: N_ACTION}, 0x0211),
}


@pytest.mark.parametrize(("wrong", "status"), STORES.values(), ids=STORES)
def test_a_bad_store_request_is_refused_alone(
    receiver: Receiver, wrong: dict[int, Any], status: int
) -> None:
    """A failure with an Error Comment for it, one line in the log, and the study goes on."""
    with capture_logs() as lines, associated(receiver) as sender:
        sender.send({**STORE, **wrong}, RADIOGRAPH, on=CR_CONTEXT_ID)
        answer = sender.answer()
        sender.require_going_on(receiver)
    assert number(answer[STATUS]) == status
    expected_id = 7 if MESSAGE_ID not in wrong else 0
    assert number(answer[RESPONDED_TO]) == expected_id
    assert number(answer[FIELD]) == (wrong.get(FIELD) or C_STORE) | RESPONSE
    assert number(answer[DATA_SET_TYPE]) == NO_DATA_SET
    assert 0 < len(answer[COMMENT].strip()) <= 64
    refused = [line for line in lines if line["event"] in {"instance_refused", "request_refused"}]
    assert [(line["status"], line["peer_address"]) for line in refused] == [
        (f"0x{status:04X}", "127.0.0.1")
    ]
    assert refused[0]["reason"]
    assert UID_OF_65 not in str(refused)


def test_a_refused_store_is_recorded(receiver: Receiver) -> None:
    """It counts as refused, and its event has the UID where that is one, and no part of another."""
    with associated(receiver) as sender:
        for wrong in ({INSTANCE: UID_OF_65}, {MESSAGE_ID: None}):
            sender.send({**STORE, **wrong}, RADIOGRAPH, on=CR_CONTEXT_ID)
            sender.answer()
        sender.require_going_on(receiver)
    wait_until(lambda: receiver.associations()[0].closed_at is not None, "the close", 10)
    [association] = receiver.associations()
    assert (association.stored, association.refused) == (1, 2)
    refused = [event for event in receiver.events() if event.kind == "instance_refused"]
    assert [event.sop_instance_uid for event in refused] == [None, "1.2.3.1.1.1"]


TAKEN: dict[str, dict[int, Any]] = {
    "as it should be": {},
    "an empty Priority": {PRIORITY: b""},
    "Priority 9": {PRIORITY: 9},
    "no Priority": {PRIORITY: None},
    "Priority of four bytes": {PRIORITY: bytes(4)},
    "no data set type": {DATA_SET_TYPE: None},
    "an empty data set type": {DATA_SET_TYPE: b""},
    "another data set type": {DATA_SET_TYPE: 0},
    "Message ID 0": {MESSAGE_ID: 0},
    "Message ID 65535": {MESSAGE_ID: 0xFFFF},
    "UIDs padded with blanks": {CLASS: b"1.2.840.10008.5.1.4.1.1.1 ", INSTANCE: b"1.2.3.1.1.1 "},
    "UIDs padded with NULs": {INSTANCE: b"1.2.3.1.1.1\0\0\0"},
    "UIDs of odd length": {CLASS: b"1.2.840.10008.5.1.4.1.1.1", INSTANCE: b"1.2.3.1.1.1"},
    "an illegal move originator": {0x1030: b"\xff" * 30, 0x1031: b""},
    "elements that nobody knows": {0x4000: b"what?!", 0x0001: b"?!"},
}


@pytest.mark.parametrize("odd", TAKEN.values(), ids=TAKEN)
def test_what_does_not_matter_costs_no_object(receiver: Receiver, odd: dict[int, Any]) -> None:
    """The object is stored under its Message ID."""
    with associated(receiver) as sender:
        sender.send({**STORE, **odd}, RADIOGRAPH, on=CR_CONTEXT_ID)
        answer = sender.answer()
        sender.require_going_on(receiver)
    assert number(answer[STATUS]) == SUCCESS
    assert number(answer[RESPONDED_TO]) == odd.get(MESSAGE_ID, 7)
    assert receiver.instances()[0].sop_instance_uid == "1.2.3.1.1.1"


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # what is sent is illegal
@pytest.mark.parametrize("uid", ["1.02.003.0", "1.2.ABC.3", "1.2.3-4_5", UID_OF_64, "2..1"])
def test_an_odd_uid_is_kept_whole(receiver: Receiver, uid: str) -> None:
    """Leading zeros and letters are illegal, and identify all the same."""
    with associated(receiver) as sender:
        sent = body(radiograph())
        element = b"\x08\x00\x18\x00UI"
        at = sent.index(element)
        length = int.from_bytes(sent[at + 6 : at + 8], "little")
        value = uid.encode() + b"\0" * (len(uid) % 2)
        changed = sent[:at] + element + len(value).to_bytes(2, "little") + value
        sender.send({**STORE, INSTANCE: uid}, changed + sent[at + 8 + length :], on=CR_CONTEXT_ID)
        assert number(sender.answer()[STATUS]) == SUCCESS
        sender.require_going_on(receiver)
    assert receiver.instances()[0].sop_instance_uid == uid


@pytest.mark.parametrize("group_length", [0, 1, 0xFFFF, 0xFFFFFFFF])
def test_a_wrong_group_length_does_not_matter(receiver: Receiver, group_length: int) -> None:
    """It says nothing that the fragments do not."""
    with associated(receiver) as sender:
        wrong = command_set(STORE, group_length=group_length)
        for encoded in (wrong, wrong[12:]):
            sender.send(encoded, RADIOGRAPH, on=CR_CONTEXT_ID)
            assert number(sender.answer()[STATUS]) == SUCCESS
        sender.require_going_on(receiver)


def test_one_message_id_for_several_requests(receiver: Receiver) -> None:
    """Requests are served one after the other, so each is answered, also where none is awaited."""
    with associated(receiver) as sender:
        for _ in range(3):
            sender.send(STORE, RADIOGRAPH, on=CR_CONTEXT_ID)
            sender.send({**STORE, INSTANCE: UID_OF_65}, RADIOGRAPH, on=CR_CONTEXT_ID)
        statuses = [number(sender.answer()[STATUS]) for _ in range(6)]
        sender.require_going_on(receiver)
    assert statuses == [SUCCESS, 0xA900] * 3


def test_a_data_set_that_was_announced_and_does_not_come(receiver: Receiver) -> None:
    """When the next request comes the first is refused as cut short, whatever came of it."""
    with associated(receiver) as sender:
        sender.send(STORE, on=CR_CONTEXT_ID)
        sender.send(STORE, on=CR_CONTEXT_ID)
        sender.peer.send(p_data(CR_CONTEXT_ID, 0, RADIOGRAPH[:2000]))
        sender.send({**STORE, INSTANCE: UID_OF_65}, on=CR_CONTEXT_ID)
        sender.peer.send(p_data(CR_CONTEXT_ID, 0, RADIOGRAPH[:2000]))
        sender.send(ECHO, on=ECHO_CONTEXT_ID)
        statuses = [number(sender.answer()[STATUS]) for _ in range(4)]
        assert statuses == [0xC001, 0xC001, 0xA900, SUCCESS]
        sender.require_going_on(receiver)


@pytest.mark.parametrize(
    ("elements", "on", "status"),
    [
        ({**STORE, DATA_SET_TYPE: NO_DATA_SET}, CR_CONTEXT_ID, 0xC000),
        (ECHO, ECHO_CONTEXT_ID, SUCCESS),
        ({**ECHO, DATA_SET_TYPE: 1}, ECHO_CONTEXT_ID, SUCCESS),
        ({**ACTION, DATA_SET_TYPE: NO_DATA_SET}, COMMITMENT_CONTEXT_ID, 0x0115),
        ({**STORE, INSTANCE: None, DATA_SET_TYPE: NO_DATA_SET}, CR_CONTEXT_ID, 0xA900),
    ],
)
def test_a_data_set_that_was_not_announced_is_dropped(
    receiver: Receiver, elements: Elements, on: int, status: int
) -> None:
    """The answer to the request is the only one."""
    with associated(receiver) as sender:
        sender.send(elements, RADIOGRAPH, on=on)
        assert number(sender.answer()[STATUS]) == status
        sender.require_going_on(receiver)


def test_a_command_set_in_many_fragments(receiver: Receiver) -> None:
    """One byte each, a bad one too."""
    with associated(receiver) as sender:
        for elements, status in ((STORE, SUCCESS), ({**STORE, INSTANCE: UID_OF_65}, 0xA900)):
            encoded = command_set(elements)
            for byte in encoded[:-1]:
                sender.peer.send(p_data(CR_CONTEXT_ID, COMMAND, bytes([byte])))
            sender.peer.send(p_data(CR_CONTEXT_ID, LAST_COMMAND, encoded[-1:]))
            sender.peer.send(p_data(CR_CONTEXT_ID, LAST_FRAGMENT, RADIOGRAPH))
            assert number(sender.answer()[STATUS]) == status
        sender.require_going_on(receiver)


def test_a_refused_data_set_costs_neither_memory_nor_disk(receiver: Receiver) -> None:
    """It is dropped as it comes; one beyond twice the largest object is an A-ABORT."""
    before = resident_mib()
    with associated(receiver) as sender:
        sender.send({**STORE, INSTANCE: UID_OF_65}, on=CR_CONTEXT_ID)
        fragment = p_data(CR_CONTEXT_ID, 0, bytes(100_000))
        assert sender.peer.flood(fragment, 10) == 10
        assert receiver.incoming() == []
        assert sender.peer.flood(fragment, 1000) < 200
    assert resident_mib() - before < 20


def test_a_data_set_without_a_command_set_is_an_abort(receiver: Receiver) -> None:
    """There is no request that could be answered."""
    with associated(receiver) as sender:
        sender.peer.send(p_data(CR_CONTEXT_ID, LAST_FRAGMENT, RADIOGRAPH))
        assert sender.peer.kinds_until_the_end() == [A_ABORT]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # what is sent is illegal
def test_dcmtk_sends_the_rest_of_a_study(receiver: Receiver, tmp_path: Path) -> None:
    """An object of which storescu cannot even say the UID does not keep the others out."""
    for number_, uid in enumerate(["1.2.3.1.1.1", UID_OF_64, "1.02.3"]):
        path = tmp_path / f"{number_}.dcm"
        with quiet():
            path.write_bytes(radiograph(SOPInstanceUID=uid, grey=number_))
    address = [receiver.peer.host, str(receiver.peer.port)]
    files = [str(tmp_path / f"{n}.dcm") for n in range(3)]
    command = ["storescu", "--no-halt", "-aet", "CR_ROOM_1", *address, *files]
    subprocess.run(command, check=False, capture_output=True, timeout=30)
    assert {row.sop_instance_uid for row in receiver.instances()} == {
        "1.2.3.1.1.1",
        UID_OF_64,
        "1.02.3",
    }
