"""Records what real peers say to a real SCP: DCMTK's storescu and echoscu, and our own SCU."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.sop_class import Verification

from screening.domain.commitment import CommitmentRequested, SopReference
from screening.domain.procedure_step import ActionType, StepState
from screening.storage_scu.association import Context, associate
from screening.storage_scu.commitment_scu import request_commitment
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import identify
from screening.storage_scu.verification import answers_echo
from tests.fuzz.conversation import Conversation, Turn, split
from tests.fuzz.objects import made_objects
from tests.peers.receiving import radiograph
from tests.peers.ups.workstation import keys, workstation

A_ASSOCIATE_RQ, P_DATA_TF, A_RELEASE_RQ = 0x01, 0x04, 0x05
LAST_FRAGMENT = 0x02
RECEIVE_BYTES = 1 << 16
TIMEOUT_S = 20
SENDER = "CR_ROOM_1"


class Tap:
    """Stands between peers and an SCP and keeps what each peer said."""

    def __init__(self, scp_port: int) -> None:
        self._scp_port = scp_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._said: list[bytearray] = []
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        """Pass everything on, until closed."""
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                scp = socket.create_connection(("127.0.0.1", self._scp_port))
                kept = bytearray()
                self._said.append(kept)
                self._start(peer, scp, kept)
                self._start(scp, peer, bytearray())

    def close(self) -> list[Conversation]:
        """Stop, and return what was said."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        return [_conversation(split(bytes(said))) for said in self._said]

    def _start(self, source: socket.socket, to: socket.socket, kept: bytearray) -> None:
        thread = threading.Thread(target=_pass_on, args=(source, to, kept), daemon=True)
        self._threads.append(thread)
        thread.start()


def _pass_on(source: socket.socket, to: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(RECEIVE_BYTES):
            kept += data
            to.sendall(data)
    for end in (source, to):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()


def _conversation(pdus: Sequence[bytes]) -> Conversation:
    """Wait for answers where the peer must have: to requests, and behind a message's end."""
    return Conversation(tuple(Turn(pdu, _is_answered(pdu)) for pdu in pdus))


def _is_answered(pdu: bytes) -> bool:
    is_last = pdu[0] == P_DATA_TF and len(pdu) > 11 and pdu[11] & LAST_FRAGMENT
    return pdu[0] in (A_ASSOCIATE_RQ, A_RELEASE_RQ) or bool(is_last and not pdu[11] & 1)


def record(scp_port: int, folder: Path) -> list[Conversation]:
    """Have every kind of peer at hand talk to the SCP, and return what they said."""
    tap = Tap(scp_port)
    thread = threading.Thread(target=tap.serve, daemon=True)
    thread.start()
    _talk(DicomDestination("scp", "127.0.0.1", tap.port, "SCREENING", SENDER))
    if shutil.which("storescu"):
        _talk_as_dcmtk(tap.port, folder)
    said = tap.close()
    thread.join(TIMEOUT_S)
    return [conversation for conversation in said if conversation.turns]


def _talk(scp: DicomDestination) -> None:
    assert answers_echo(scp, timeout_s=TIMEOUT_S)
    context = Context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
    echo = Context(str(Verification), ImplicitVRLittleEndian)
    with associate(scp, [context, echo]) as association:
        for grey in (1, 2):
            association.store(
                identify(radiograph(grey=grey, SOPInstanceUID=f"2.25.{grey}")), context
            )
        association.echo()
    reference = SopReference(ComputedRadiographyImageStorage, "2.25.1")
    asked = CommitmentRequested("2.25.9", (reference,))
    request_commitment(scp, asked, lambda _: 0, linger_s=3)
    _talk_as_workstation(scp)


def _talk_as_workstation(scp: DicomDestination) -> None:
    """Query the list, claim, say how it goes, complete, and ask for events."""
    with workstation(scp, SENDER) as asks:
        [match, *_], _ = asks.find(keys(PatientName="*", InputInformationSequence=[]))
        uid, progress = match.SOPInstanceUID, Dataset()
        progress.ProcedureStepProgressDescription = "half"
        asks.get(uid, [0x00741000])
        asks.change(uid, StepState.IN_PROGRESS)
        asks.set(uid, "2.25.7", ProcedureStepProgressInformationSequence=[progress])
        asks.watch(ActionType.SUBSCRIBE, uid, SENDER)
        asks.change(uid, StepState.CANCELED)


def _talk_as_dcmtk(port: int, folder: Path) -> None:
    paths = []
    for number, content in enumerate(made_objects()):
        if len(content) < 10_000:
            paths.append(folder / f"recorded-{number}.dcm")
            paths[-1].write_bytes(content)
    to = ["-aec", "SCREENING", "127.0.0.1", str(port)]
    for command in (
        ["echoscu", *to],
        ["storescu", "--max-send-pdu", "4096", *to, *map(str, paths[:3])],
        ["storescu", "--propose-implicit", "--abort", *to, str(paths[-1])],
    ):
        subprocess.run(command, check=False, capture_output=True, timeout=60)
