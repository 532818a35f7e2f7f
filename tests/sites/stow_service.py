"""A STOW-RS service in this process, and clients that can say anything."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from screening.db.session import Database
from screening.receive.objects.file_meta import file_head
from screening.receive.stow_rs.server import running_stow
from screening.settings import load_settings
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import EncodedObject
from tests.peers.receiving import Receiver

BOUNDARY = "boundary"
RELATED = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
FAILED, STORED, OTHERS = "00081198", "00081199", "0008119A"
INSTANCE, REASON = "00081155", "00081197"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.body)

    @property
    def stored(self) -> list[str]:
        """The SOP Instance UIDs of the Referenced SOP Sequence."""
        return [item[INSTANCE]["Value"][0] for item in self._items(STORED)]

    @property
    def failed(self) -> list[tuple[str, int]]:
        """SOP Instance UID and Failure Reason of the Failed SOP Sequence."""
        return [
            (item[INSTANCE]["Value"][0], item[REASON]["Value"][0]) for item in self._items(FAILED)
        ]

    @property
    def others(self) -> list[int]:
        """The Failure Reasons of the Other Failures Sequence."""
        return [item[REASON]["Value"][0] for item in self._items(OTHERS)]

    def _items(self, tag: str) -> list[Any]:
        return list(self.said.get(tag, {}).get("Value", []))


@dataclass(frozen=True, slots=True)
class StowReceiver(Receiver):
    """A running STOW-RS service, and what it has kept."""

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{self.peer.host}:{self.peer.port}"

    def post(
        self,
        body: bytes,
        *,
        study: str = "",
        content_type: str = RELATED,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answered:
        """Make a request."""
        connection = http.client.HTTPConnection(self.peer.host, self.peer.port, timeout=30)
        path = f"/studies/{study}" if study else "/studies"
        try:
            sent = {"Content-Type": content_type, **(headers or {})}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answered(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def store(self, *objects: bytes, study: str = "", **headers: str) -> Answered:
        """Send whole files in one request."""
        return self.post(multipart(objects), study=study, headers=headers)

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection((self.peer.host, self.peer.port), timeout=30)


@contextmanager
def running_stow_receiver(
    folder: Path, database: Database, **settings: Any
) -> Iterator[StowReceiver]:
    """Run the service on a free port; its spool and broker are below `folder`."""
    values = {"data_dir": folder, "stow_port": 0, "min_free_mib": 0, **settings}
    told = load_settings(**values)
    with running_stow(told, database) as (host, port):
        yield StowReceiver(told, database, DicomDestination("stow", host, port, "", ""))


def multipart(objects: Sequence[bytes], *, media_type: str = "application/dicom") -> bytes:
    """Return a payload of these parts."""
    head = f"--{BOUNDARY}\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return b"".join(head + one + b"\r\n" for one in objects) + f"--{BOUNDARY}--\r\n".encode()


def head_of(length: int, path: str = "/studies") -> bytes:
    """Return the head of a request with a payload of so many bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {RELATED}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def as_file(one: EncodedObject) -> bytes:
    """Return an object as a file whose File Meta Information says what a C-STORE request would."""
    location = one.location
    whole = location.read_bytes() if isinstance(location, Path) else location
    head = file_head(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax_uid)
    return head + whole[one.data_set_offset :]


def answer_of(connection: socket.socket) -> bytes:
    """Read what comes until the other side closes."""
    found = bytearray()
    while data := connection.recv(65536):
        found += data
    return bytes(found)
