"""A-ASSOCIATE-RQs written item by item, with whatever a test wants to be wrong with them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from tests.peers.hostile_peer import CR_CONTEXT_ID, ECHO_CONTEXT_ID

VERIFICATION, IMPLICIT = b"1.2.840.10008.1.1", b"1.2.840.10008.1.2"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
MAXIMUM_LENGTH = struct.pack(">BxHI", 0x51, 4, 16384)


def item(kind: int, value: bytes, announced_bytes: int | None = None) -> bytes:
    """Return an item or sub-item; it may announce another length than it has. PS3.8 9.3.2."""
    length = len(value) if announced_bytes is None else announced_bytes
    return struct.pack(">BxH", kind, length) + value


IMPLEMENTATION = item(0x52, b"1.2.3.4")


def context(
    context_id: int, abstract: bytes, transfer: Sequence[bytes], *further: bytes, kind: int = 0x30
) -> bytes:
    """Return a presentation context item with further sub-items before the rest."""
    syntaxes = b"".join(item(0x40, syntax) for syntax in transfer)
    content = b"".join(further) + item(kind, abstract) + syntaxes
    return item(0x20, bytes([context_id, 0, 0, 0]) + content)


CR_CONTEXT = context(
    CR_CONTEXT_ID, ComputedRadiographyImageStorage.encode(), [ExplicitVRLittleEndian.encode()]
)
ECHO_CONTEXT = context(ECHO_CONTEXT_ID, VERIFICATION, [IMPLICIT])


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of an A-ASSOCIATE-RQ: right ones to begin with. Source: PS3.8 table 9-11."""

    version: int = 1
    called: bytes = b"SCREENING".ljust(16)
    calling: bytes = b"CR_ROOM_1".ljust(16)
    application_context: bytes = item(0x10, APPLICATION_CONTEXT)
    contexts: bytes = CR_CONTEXT + ECHO_CONTEXT
    user: bytes = MAXIMUM_LENGTH + IMPLEMENTATION
    user_item: bytes | None = field(default=None)
    further: bytes = b""

    @property
    def pdu(self) -> bytes:
        """The whole PDU."""
        user = item(0x50, self.user) if self.user_item is None else self.user_item
        content = struct.pack(">HH", self.version, 0) + self.called + self.calling + bytes(32)
        content += self.application_context + self.contexts + user + self.further
        return struct.pack(">BxI", 0x01, len(content)) + content


def results_of(acceptance: bytes) -> dict[int, int]:
    """Return the result of each presentation context in an A-ASSOCIATE-AC's content, by its ID."""
    results = {}
    at = 68
    while at < len(acceptance):
        kind, length = struct.unpack_from(">BxH", acceptance, at)
        if kind == 0x21:
            results[acceptance[at + 4]] = acceptance[at + 6]
        at += 4 + length
    return results
