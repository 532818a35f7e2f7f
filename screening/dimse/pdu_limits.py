"""Which PDUs a peer may send, and how long each may be. Source: PS3.8 9.3."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

MAXIMUM_PDU_BYTES = 131072
"""Longest P-DATA-TF, without its header: what we announce as Maximum Length (PS3.8 D.1)."""
LARGEST_ASSOCIATION_REQUEST_BYTES = 1 << 18
"""128 presentation contexts with 60 transfer syntaxes each have room."""
HEADER_BYTES = 6
ASSOCIATION_REQUEST = 0x01
ABORT = 0x07

LONGEST_PDU_BYTES: Mapping[int, int] = {
    ASSOCIATION_REQUEST: LARGEST_ASSOCIATION_REQUEST_BYTES,
    0x02: LARGEST_ASSOCIATION_REQUEST_BYTES,  # A-ASSOCIATE-AC
    0x03: 4,  # A-ASSOCIATE-RJ
    0x04: MAXIMUM_PDU_BYTES,  # P-DATA-TF
    0x05: 4,  # A-RELEASE-RQ
    0x06: 4,  # A-RELEASE-RP
    ABORT: 4,
}
"""By PDU type: the largest PDU-length that is read as acceptor."""
LONGEST_ANSWER_BYTES: Mapping[int, int] = dict.fromkeys(LONGEST_PDU_BYTES, 1 << 18)
"""The same as requestor: twice what we announce, since some send more than they may."""
PDU_TIMEOUT_S = 30
"""How long the rest of a PDU may take as acceptor once its first byte is there, and the peer to
read ours."""

UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER_VALUE = 1, 2, 6
"""Reasons of an A-ABORT by the service provider. Source: PS3.8 table 9-26."""


@dataclass(frozen=True, slots=True)
class PDUFault:
    """What is wrong with a PDU; abort_reason goes into the A-ABORT."""

    abort_reason: int
    words: str

    @property
    def abort_pdu(self) -> bytes:
        """The A-ABORT of the service provider that answers it. Source: PS3.8 9.3.8."""
        return struct.pack(">BxIxxBB", ABORT, 4, 2, self.abort_reason)


def announced_bytes(header: bytes) -> int:
    """Return the PDU-length of a whole header (6 bytes)."""
    return int.from_bytes(header[2:HEADER_BYTES])


def fault_of_header(header: bytes, longest_bytes: Mapping[int, int]) -> PDUFault | None:
    """Return why a PDU is not read, from its first 6 bytes; None where it is.

    longest_bytes: by PDU type, the largest PDU-length that is read.
    """
    longest = longest_bytes.get(header[0])
    if longest is None:
        return PDUFault(UNRECOGNIZED_PDU, f"a PDU of the unknown type 0x{header[0]:02X}")
    if announced_bytes(header) > longest:
        return PDUFault(
            INVALID_PARAMETER_VALUE,
            f"a PDU of type 0x{header[0]:02X} announces {announced_bytes(header)} bytes, "
            f"at most {longest} are read",
        )
    return None


def fault_of_first_header(header: bytes) -> PDUFault | None:
    """Return why a connection's first PDU is not to be read: it asks for no association."""
    if fault := fault_of_header(header, LONGEST_PDU_BYTES):
        return fault
    if header[0] != ASSOCIATION_REQUEST:
        return PDUFault(UNEXPECTED_PDU, f"a PDU of type 0x{header[0]:02X} before any association")
    return None
