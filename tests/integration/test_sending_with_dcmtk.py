"""What the conformance statement says of DCMTK's senders is what they do, with the SCP."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

from screening.db.session import Database
from tests.peers.receiving import Receiver, radiograph, running_receiver

pytestmark = pytest.mark.integration


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP."""
    with running_receiver(tmp_path, migrated_database) as running:
        yield running


@pytest.fixture
def lossless(tmp_path: Path) -> Path:
    """Return a radiograph in JPEG Lossless, beside it the same one uncompressed."""
    plain, compressed = tmp_path / "plain.dcm", tmp_path / "lossless.dcm"
    plain.write_bytes(radiograph(grey=77))
    subprocess.run(["dcmcjpeg", "+e1", str(plain), str(compressed)], check=True)
    return compressed


def send(receiver: Receiver, program: str, *arguments: str | Path) -> int:
    """Run one of DCMTK's senders and return its exit status."""
    peer = [receiver.peer.host, str(receiver.peer.port)]
    command = [program, *map(str, arguments[:-1]), *peer, str(arguments[-1])]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode


def test_dcmsend_decompresses_what_is_lossless(receiver: Receiver, lossless: Path) -> None:
    """It proposes the uncompressed syntaxes beside its own, and the SCP takes one of them."""
    assert send(receiver, "dcmsend", lossless) == 0
    [row], [file] = receiver.instances(), receiver.kept()
    assert row.transfer_syntax_uid == ExplicitVRLittleEndian
    sent = pydicom.dcmread(lossless.with_name("plain.dcm"))
    assert pydicom.dcmread(file).PixelData == sent.PixelData


def test_dcmsend_sends_as_it_is_when_told_to(receiver: Receiver, lossless: Path) -> None:
    """With `-dn`."""
    assert send(receiver, "dcmsend", "-dn", lossless) == 0
    assert [row.transfer_syntax_uid for row in receiver.instances()] == [JPEGLosslessSV1]


def test_dcmsend_stops_before_it_begins_unless_told_not_to(
    receiver: Receiver, lossless: Path
) -> None:
    """One file that DCMTK cannot read, among others."""
    folder = lossless.parent / "mixed"
    folder.mkdir()
    (folder / "sound.dcm").write_bytes(lossless.read_bytes())
    (folder / "letter.dcm").write_bytes(b"a letter")
    assert send(receiver, "dcmsend", "+sd", folder) != 0
    assert receiver.instances() == []
    assert send(receiver, "dcmsend", "--no-halt", "+sd", folder) == 0
    assert len(receiver.instances()) == 1


def test_storescu_sends_compressed_files_only_when_told_to(
    receiver: Receiver, lossless: Path
) -> None:
    """Without an option it cannot convert, and stops."""
    assert send(receiver, "storescu", lossless) != 0
    assert receiver.instances() == []
    assert send(receiver, "storescu", "-xs", lossless) == 0
    assert [row.transfer_syntax_uid for row in receiver.instances()] == [JPEGLosslessSV1]
