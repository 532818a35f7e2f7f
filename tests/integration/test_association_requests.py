"""Which association requests are taken, what others are told, and what is in the log (PS3.8)."""

import pytest
from structlog.testing import capture_logs

from tests.peers.association_by_hand import (
    LAST_COMMAND,
    about_peers,
    answer,
    asking,
    release,
    response,
    send_radiograph,
)
from tests.peers.association_requests import (
    CR_CONTEXT,
    ECHO_CONTEXT,
    IMPLEMENTATION,
    IMPLICIT,
    MAXIMUM_LENGTH,
    VERIFICATION,
    Asked,
    context,
    item,
    results_of,
)
from tests.peers.hostile_peer import (
    A_ASSOCIATE_AC,
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
    P_DATA_TF,
    echo_command,
    p_data,
)
from tests.peers.receiving import Receiver, radiograph

pytestmark = pytest.mark.integration
ACCEPTED, ABSTRACT_SYNTAX_REFUSED, TRANSFER_SYNTAX_REFUSED = 0, 3, 4
LONG_UID = b"1.2.840." + b"1" * 60
SUCCESS_STATUS = bytes.fromhex("00000009020000000000")


UNKNOWN = item(0x7F, b"of a later standard")
TAKEN = {
    "as it should be": Asked(),
    "protocol version 3": Asked(version=3),
    "protocol version 0xFFFF": Asked(version=0xFFFF),
    "an unknown item": Asked(further=UNKNOWN),
    "an unknown item first": Asked(application_context=UNKNOWN + Asked().application_context),
    "an unknown sub-item": Asked(user=UNKNOWN + Asked().user + UNKNOWN),
    "an unknown sub-item of a context": Asked(
        contexts=context(CR_CONTEXT_ID, VERIFICATION, [IMPLICIT], UNKNOWN) + ECHO_CONTEXT
    ),
    "zeros behind the last item": Asked(further=bytes(7)),
    "AE titles padded with NUL": Asked(
        called=b"SCREENING".ljust(16, b"\0"), calling=b"CR_ROOM_1".ljust(16, b"\0")
    ),
    "AE titles padded with both": Asked(
        called=b"SCREENING \0 \0 \0\0", calling=b"  CR_ROOM_1\0\0\0  "
    ),
    "an empty version name": Asked(user=Asked().user + item(0x55, b"")),
    "a version name of 17 characters": Asked(user=Asked().user + item(0x55, b"V" * 17)),
    "a version name padded with NUL": Asked(user=Asked().user + item(0x55, b"V1\0\0")),
    "a version name of no ASCII": Asked(user=Asked().user + item(0x55, "GERÄT".encode("latin-1"))),
    "no maximum length": Asked(user=IMPLEMENTATION),
    "an unlimited maximum length": Asked(user=item(0x51, bytes(4)) + IMPLEMENTATION),
    "the smallest maximum length": Asked(user=item(0x51, bytes([0, 0, 0, 7])) + IMPLEMENTATION),
    "the largest maximum length": Asked(user=item(0x51, b"\xff" * 4) + IMPLEMENTATION),
    "no implementation class": Asked(user=MAXIMUM_LENGTH),
    "an implementation class that is no UID": Asked(user=MAXIMUM_LENGTH + item(0x52, LONG_UID)),
    "no user information": Asked(user_item=b""),
    "user information twice": Asked(further=item(0x50, Asked().user)),
    "UIDs padded with NUL": Asked(
        application_context=item(0x10, b"1.2.840.10008.3.1.1.1\0"),
        contexts=CR_CONTEXT + context(ECHO_CONTEXT_ID, VERIFICATION + b"\0", [IMPLICIT + b"\0"]),
    ),
    "a context twice": Asked(contexts=CR_CONTEXT + ECHO_CONTEXT + CR_CONTEXT),
    "a transfer syntax that is no UID": Asked(
        contexts=CR_CONTEXT + context(ECHO_CONTEXT_ID, VERIFICATION, [LONG_UID, b"", IMPLICIT])
    ),
    "a role selection that makes no sense": Asked(
        user=Asked().user + item(0x54, b"\0\x40" + VERIFICATION + b"\1\1") + item(0x54, b"")
    ),
    "a user identity": Asked(user=Asked().user + item(0x58, b"\2\1\0\1u\0\1p")),
    "asynchronous operations and extended negotiation that are cut short": Asked(
        user=Asked().user + item(0x53, b"\0") + item(0x56, b"\0\x90") + item(0x57, b"")
    ),
}


@pytest.mark.parametrize("asked", TAKEN.values(), ids=TAKEN)
def test_what_others_take_is_taken(receiver: Receiver, asked: Asked) -> None:
    """The association is accepted, C-ECHO and C-STORE are answered, and it is released."""
    sent = radiograph()
    with capture_logs() as lines, asking(receiver, asked.pdu) as peer:
        kind, acceptance = answer(peer)
        assert kind == A_ASSOCIATE_AC
        assert results_of(acceptance)[ECHO_CONTEXT_ID] == ACCEPTED
        peer.send(p_data(ECHO_CONTEXT_ID, LAST_COMMAND, echo_command()))
        assert SUCCESS_STATUS in response(peer)
        if asked.contexts.startswith(CR_CONTEXT):
            send_radiograph(peer, sent)
            assert SUCCESS_STATUS in response(peer)
            assert [row.calling_ae_title for row in receiver.instances()] == ["CR_ROOM_1"]
        release(peer)
    assert not [one for one in about_peers(lines) if one[1] != "released"]


CUT = {
    "an abstract syntax that is too long": context(CR_CONTEXT_ID, LONG_UID, [IMPLICIT]),
    "an abstract syntax that is no UID": context(CR_CONTEXT_ID, b"1.2 3\x00\x074", [IMPLICIT]),
    "an empty abstract syntax": context(CR_CONTEXT_ID, b"", [IMPLICIT]),
    "no abstract syntax": context(CR_CONTEXT_ID, VERIFICATION, [IMPLICIT], kind=0x3F),
    "two abstract syntaxes": context(
        CR_CONTEXT_ID, VERIFICATION, [IMPLICIT], item(0x30, b"1.2.840.10008.5.1.4.1.1.1")
    ),
}


@pytest.mark.parametrize("unusable", CUT.values(), ids=CUT)
def test_a_context_that_cannot_be_used_is_refused_alone(
    receiver: Receiver, unusable: bytes
) -> None:
    """Abstract syntax not supported (PS3.8 table 9-18); the other context works; a line says so."""
    with (
        capture_logs() as lines,
        asking(receiver, Asked(contexts=unusable + ECHO_CONTEXT).pdu) as peer,
    ):
        kind, acceptance = answer(peer)
        assert kind == A_ASSOCIATE_AC
        assert results_of(acceptance) == {
            CR_CONTEXT_ID: ABSTRACT_SYNTAX_REFUSED,
            ECHO_CONTEXT_ID: ACCEPTED,
        }
        peer.send(p_data(ECHO_CONTEXT_ID, LAST_COMMAND, echo_command()))
        assert answer(peer)[0] == P_DATA_TF
        release(peer)
    [(event, reason)] = about_peers(lines)
    assert event == "presentation_context_refused"
    assert f"context {CR_CONTEXT_ID} " in reason


@pytest.mark.parametrize("syntaxes", [[], [LONG_UID], [b""], [b"1.2.840.10008.1.2.1.99"]])
def test_a_context_without_a_usable_transfer_syntax_is_refused_alone(
    receiver: Receiver, syntaxes: list[bytes]
) -> None:
    """Transfer syntaxes not supported, whether they are none or unknown; a line says so."""
    unusable = context(CR_CONTEXT_ID, b"1.2.840.10008.5.1.4.1.1.1", syntaxes)
    with (
        capture_logs() as lines,
        asking(receiver, Asked(contexts=unusable + ECHO_CONTEXT).pdu) as peer,
    ):
        assert results_of(answer(peer)[1]) == {
            CR_CONTEXT_ID: TRANSFER_SYNTAX_REFUSED,
            ECHO_CONTEXT_ID: ACCEPTED,
        }
        release(peer)
    assert {event for event, _ in about_peers(lines)} == {"presentation_context_refused"}
