"""A peer that says on a plain connection whatever a test wants, and processes looked at closely."""

import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.sop_class import Verification

A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF, A_ABORT = 0x02, 0x03, 0x04, 0x07
CR_CONTEXT_ID, ECHO_CONTEXT_ID = 1, 3
COMMAND, LAST_FRAGMENT = 1, 2
TIMEOUT_S = 20
HEADER_BYTES = 6


def association_request(calling_ae_title: str = "CR_ROOM_1") -> bytes:
    """Return an A-ASSOCIATE-RQ for CR Image Storage and Verification."""
    storage = build_context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
    echo = build_context(Verification)
    storage.context_id, echo.context_id = CR_CONTEXT_ID, ECHO_CONTEXT_ID
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3.4"
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = calling_ae_title, "SCREENING"
    request.presentation_context_definition_list = [storage, echo]
    request.user_information = [length, implementation]
    return bytes(A_ASSOCIATE_RQ(request).encode())


def pdu(kind: int, content: bytes, announced_bytes: int | None = None) -> bytes:
    """Return a PDU; it may announce another length than it has."""
    length = len(content) if announced_bytes is None else announced_bytes
    return struct.pack(">BxI", kind, length) + content


def p_data(context_id: int, control: int, fragment: bytes) -> bytes:
    """Return a P-DATA-TF with one fragment. Source: PS3.8 9.3.5 and annex E."""
    value = bytes([context_id, control]) + fragment
    return pdu(P_DATA_TF, struct.pack(">I", len(value)) + value)


def echo_command() -> bytes:
    """Return the command set of a C-ECHO request."""
    request = C_ECHO()
    request.MessageID, request.AffectedSOPClassUID = 1, Verification
    message = C_ECHO_RQ()
    message.primitive_to_message(request)
    [fragment] = message.encode_msg(ECHO_CONTEXT_ID, 16384)
    return bytes(fragment.presentation_data_value_list[0][1][1:])


def store_command(sop_instance_uid: str = "1.2.3.1.1.1") -> bytes:
    """Return the command set of a C-STORE request that says a data set follows."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = ComputedRadiographyImageStorage
    request.AffectedSOPInstanceUID = sop_instance_uid
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    message.command_set.CommandDataSetType = 0x0001
    [fragment] = message.encode_msg(CR_CONTEXT_ID, 16384)
    return bytes(fragment.presentation_data_value_list[0][1][1:])


class HostilePeer:
    """One connection, and what comes back on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)

    def flood(self, data: bytes, times: int) -> int:
        """Send the same bytes again and again; return how often before the peer hung up."""
        for sent in range(times):
            try:
                self.connection.sendall(data)
            except OSError:
                return sent
        return times

    def receive(self) -> tuple[int, bytes] | None:
        """Return type and content of the next PDU; None where the connection has ended."""
        try:
            header = self._exactly(HEADER_BYTES)
            return header[0], self._exactly(int.from_bytes(header[2:]))
        except ConnectionError:
            return None

    def associate(self) -> None:
        """Ask for an association and get it."""
        self.send(association_request())
        answer = self.receive()
        assert answer is not None
        assert answer[0] == A_ASSOCIATE_AC

    def kinds_until_the_end(self) -> list[int]:
        """Return the types of all PDUs that still come."""
        kinds = []
        while (received := self.receive()) is not None:
            kinds.append(received[0])
        return kinds

    def _exactly(self, size_bytes: int) -> bytes:
        received = b""
        while len(received) < size_bytes:
            data = self.connection.recv(size_bytes - len(received))
            if not data:
                raise ConnectionError
            received += data
        return received


@contextmanager
def hostile_peer(host: str, port: int) -> Iterator[HostilePeer]:
    """Open a connection."""
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
        yield HostilePeer(connection)


def connects(port: int) -> bool:
    """Return whether something listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def resident_mib(process_id: int | None = None) -> float:
    """Return how much memory a process has, this one by default; Linux only."""
    statm = Path(f"/proc/{process_id or os.getpid()}/statm").read_text(encoding="ascii")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib() -> float:
    """Return the most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
