"""What association requests that cannot be taken are told, and that the log says why (PS3.8)."""

import pytest
from structlog.testing import capture_logs

from tests.peers.association_by_hand import (
    about_peers,
    answer,
    asking,
)
from tests.peers.association_requests import (
    CR_CONTEXT,
    IMPLICIT,
    VERIFICATION,
    Asked,
    context,
    item,
)
from tests.peers.hostile_peer import (
    A_ABORT,
    A_ASSOCIATE_RJ,
    CR_CONTEXT_ID,
)
from tests.peers.receiving import Receiver
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
INVALID_PARAMETER = bytes([0, 0, 2, 6])


BIT_0 = "protocol version not supported: expected one with bit 0 set"
NO_TITLE = "expected printable ASCII without backslash, found"
REFUSED: dict[str, tuple[Asked, tuple[int, bytes], str, str]] = {
    "protocol version 2": (
        Asked(version=2),
        (A_ASSOCIATE_RJ, bytes([0, 1, 2, 2])),
        "association_rejected",
        BIT_0,
    ),
    "protocol version 0": (
        Asked(version=0),
        (A_ASSOCIATE_RJ, bytes([0, 1, 2, 2])),
        "association_rejected",
        BIT_0,
    ),
    "no calling AE title": (
        Asked(calling=b"\0" * 16),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 3])),
        "association_rejected",
        f"calling AE title not recognized: {NO_TITLE} none",
    ),
    "a calling AE title of other characters": (
        Asked(calling="RÖNTGEN".encode("latin-1").ljust(16)),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 3])),
        "association_rejected",
        f"calling AE title not recognized: {NO_TITLE} other characters",
    ),
    "a NUL within the calling AE title": (
        Asked(calling=b"CR_ROOM_1\0EVIL\0\0"),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 3])),
        "association_rejected",
        f"calling AE title not recognized: {NO_TITLE} other characters",
    ),
    "no called AE title": (
        Asked(called=b" " * 16),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 7])),
        "association_rejected",
        f"called AE title not recognized: {NO_TITLE} none",
    ),
    "no application context": (
        Asked(application_context=b""),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 2])),
        "association_rejected",
        "application context name not supported: expected 1.2.840.10008.3.1.1.1, found none",
    ),
    "another application context": (
        Asked(application_context=item(0x10, b"1.2.840.10008.3.1.1.2")),
        (A_ASSOCIATE_RJ, bytes([0, 1, 1, 2])),
        "association_rejected",
        "application context name not supported: expected 1.2.840.10008.3.1.1.1, found another",
    ),
    **{
        name: (asked, (A_ABORT, INVALID_PARAMETER), "association_aborted", reason)
        for name, asked, reason in [
            (
                "context ID 0",
                Asked(contexts=context(0, VERIFICATION, [IMPLICIT])),
                "the presentation context ID 0, which is not odd",
            ),
            (
                "context ID 2",
                Asked(contexts=CR_CONTEXT + context(2, VERIFICATION, [IMPLICIT])),
                "the presentation context ID 2, which is not odd",
            ),
            (
                "one context ID for two",
                Asked(contexts=CR_CONTEXT + context(CR_CONTEXT_ID, VERIFICATION, [IMPLICIT])),
                "a presentation context ID that is used twice",
            ),
            (
                "a context that is cut short",
                Asked(contexts=item(0x20, b"\x01\0\0")),
                "a presentation context that is cut short",
            ),
            (
                "no context",
                Asked(contexts=b""),
                "an association request without presentation contexts",
            ),
            (
                "user identity type 9",
                Asked(user=Asked().user + item(0x58, b"\x09\0\0\1u\0\0")),
                "a user identity of a type that there is not",
            ),
            (
                "user identity type 0",
                Asked(user=Asked().user + item(0x58, b"\0\0\0\1u\0\0")),
                "a user identity of a type that there is not",
            ),
            (
                "an empty user identity",
                Asked(user=Asked().user + item(0x58, b"")),
                "a user identity of a type that there is not",
            ),
            (
                "a maximum length in which nothing has room",
                Asked(user=item(0x51, bytes([0, 0, 0, 6]))),
                "a Maximum Length of 6, in which no message has room",
            ),
            (
                "a maximum length of two bytes",
                Asked(user=item(0x51, bytes(2))),
                "a Maximum Length that is no number of four bytes",
            ),
            (
                "an item that is longer than the PDU",
                Asked(further=item(0x20, b"", announced_bytes=100)),
                "an item 0x20 that is longer than its PDU",
            ),
            (
                "a sub-item that is longer than its item",
                Asked(user=item(0x52, b"1.2", announced_bytes=100)),
                "an item 0x52 that is longer than its PDU",
            ),
            ("an item's half head", Asked(further=b"\x21\0"), "an item that is cut short"),
        ]
    },
}


@pytest.mark.parametrize(("asked", "told", "event", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_taken_is_told_and_logged_once(
    receiver: Receiver, asked: Asked, told: tuple[int, bytes], event: str, reason: str
) -> None:
    """A-ASSOCIATE-RJ or A-ABORT as PS3.8 9.3.4 and 9.3.8 say, and one line with peer and reason."""
    with capture_logs() as lines, asking(receiver, asked.pdu) as peer:
        assert answer(peer) == told
        assert peer.receive() is None
    wait_until(lambda: bool(about_peers(lines)), "the line", 5)
    assert about_peers(lines) == [(event, reason)]
    assert not receiver.instances()
