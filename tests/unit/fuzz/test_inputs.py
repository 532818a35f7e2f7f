"""What fuzzing takes apart and puts together."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.conversation import Conversation, Turn, decoded, encoded, split
from tests.fuzz.object_edits import damaged_objects
from tests.fuzz.objects import made_objects
from tests.fuzz.parts import joined, taken_apart
from tests.fuzz.pdu_parts import pdu_taken_apart, with_right_lengths
from tests.peers.hostile_peer import (
    COMMAND,
    LAST_FRAGMENT,
    association_request,
    p_data,
    store_command,
)
from tests.peers.receiving import radiograph

COMMAND_PDU = p_data(1, COMMAND | LAST_FRAGMENT, store_command())


def test_objects_are_taken_apart_down_to_their_elements() -> None:
    """Whatever the transfer syntax; joined they are the same file."""
    for content in made_objects():
        parts = taken_apart(content)
        assert joined(parts) == content
        assert len([part for part in parts if part.tag]) > 20


@pytest.mark.parametrize("pdu", [association_request(), COMMAND_PDU, b"\x05\x00\0\0\0\x04\0\0\0\0"])
def test_pdus_are_taken_apart(pdu: bytes) -> None:
    """Down to items and command elements; lengths that are right stay as they are."""
    parts = pdu_taken_apart(pdu)
    assert joined(with_right_lengths(list(parts))) == pdu


def test_lengths_are_made_right() -> None:
    """Of the PDU and of its fragment, after a command element has gone."""
    header, fragment, *elements = pdu_taken_apart(COMMAND_PDU)
    shorter = joined(with_right_lengths([header, fragment, *elements[1:]]))
    assert split(shorter + COMMAND_PDU) == [shorter, COMMAND_PDU]
    assert int.from_bytes(shorter[6:10]) == len(shorter) - 10


def test_conversations_are_kept_as_they_are() -> None:
    """Bytes, waits and ends."""
    said = [
        Conversation((Turn(b"\0\xff", waits=True), Turn(b"", waits=False)), is_reset=True),
        Conversation(()),
    ]
    assert decoded(encoded(said)) == said


def test_edits_make_other_objects() -> None:
    """Most of them different, and some of them none that begin as a file does."""
    begun = radiograph()
    made = set()

    @settings(
        max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(damaged_objects([begun]))
    def collect(content: bytes) -> None:
        made.add(content)

    collect()
    assert len(made) > 30
