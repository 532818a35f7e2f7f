"""The file of an object on its way in: its failures wait until the object is answered."""

import gc
import hashlib
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom.dsutils import create_file_meta, encode_file_meta

from screening.errors import ObjectTooLargeError, OutOfSpaceError
from screening.receive.objects.file_meta import file_head
from screening.receive.objects.incoming import SPACE_CHECK_BYTES, IncomingFile
from screening.spool.store import data_set_sha256


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def test_what_is_written_is_in_the_file(tmp_path: Path) -> None:
    """Every byte in order, readable by us alone, until it is discarded."""
    incoming = IncomingFile(tmp_path, max_bytes=10)
    assert incoming.write(b"abc") == 3
    assert incoming.write(b"defghij") == 7
    path = incoming.finish()
    assert (path.parent, path.read_bytes()) == (tmp_path, b"abcdefghij")
    assert path.stat().st_mode & 0o777 == 0o600
    incoming.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_object_beyond_the_limit_is_swallowed_and_refused(tmp_path: Path) -> None:
    """The rest of it is taken from the wire, nothing is kept of it."""
    incoming = IncomingFile(tmp_path, max_bytes=10)
    incoming.write(b"0123456789")
    assert incoming.write(b"x") == 1
    assert list(tmp_path.iterdir()) == []
    assert incoming.write(b"more") == 4
    with pytest.raises(ObjectTooLargeError, match="SCREENING_MAX_OBJECT_MIB"):
        incoming.finish()


def test_an_object_that_does_not_end_is_not_swallowed_for_ever(tmp_path: Path) -> None:
    """At twice the limit the association is given up."""
    incoming = IncomingFile(tmp_path, max_bytes=10)
    incoming.write(bytes(20))
    with pytest.raises(ObjectTooLargeError, match="does not end"):
        incoming.write(b"x")


def test_an_object_does_not_take_the_spool_below_its_watermark(tmp_path: Path) -> None:
    """Looked at before the first byte and every few megabytes; what is written so far goes."""
    looks = []

    def require_space() -> None:
        looks.append(len(looks))
        if len(looks) > 2:
            raise OutOfSpaceError("over the watermark")

    incoming = IncomingFile(tmp_path, 100 * SPACE_CHECK_BYTES, require_space)
    for _ in range(12):
        incoming.write(bytes(SPACE_CHECK_BYTES // 4))
    assert (len(looks), list(tmp_path.iterdir())) == (3, [])
    with pytest.raises(OutOfSpaceError, match="over the watermark"):
        incoming.finish()


def test_a_disk_that_fills_up_is_told_when_the_object_ends(tmp_path: Path) -> None:
    """A write that fails, or takes only a part, ends as out of space, without a file."""
    incoming = IncomingFile(tmp_path, max_bytes=1 << 20)
    with files_limited_to(1000):
        for _ in range(10):
            assert incoming.write(bytes(300)) == 300
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutOfSpaceError, match="the object was not taken: File too large"):
        incoming.finish()


def test_a_folder_that_is_away_is_told_when_the_object_ends(tmp_path: Path) -> None:
    """The association goes on while the object is dropped."""
    incoming = IncomingFile(tmp_path / "absent", max_bytes=10)
    assert incoming.write(b"abc") == 3
    with pytest.raises(OutOfSpaceError, match="No such file or directory"):
        incoming.finish()
    incoming.discard()


def test_a_file_nobody_refers_to_is_removed(tmp_path: Path) -> None:
    """What a cut association leaves behind does not stay."""
    incoming = IncomingFile(tmp_path, max_bytes=10)
    incoming.write(b"abc")
    assert len(list(tmp_path.iterdir())) == 1
    del incoming
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_kept_file_survives_its_object(tmp_path: Path) -> None:
    """Discarding looks at the incoming name alone; what was renamed is the spool's."""
    incoming = IncomingFile(tmp_path, max_bytes=10)
    incoming.write(b"abc")
    kept = incoming.finish().rename(tmp_path / "kept")
    incoming.discard()
    assert kept.read_bytes() == b"abc"


def test_the_digest_is_of_the_data_set_alone(tmp_path: Path) -> None:
    """It is known when the last byte is there, and is the one that the spool computes."""
    head = file_head("1.2", "1.2.3", "1.2.840.10008.1.2")
    incoming = IncomingFile(tmp_path, max_bytes=1000, head=head)
    incoming.write(memoryview(b"abc"))
    incoming.write(b"def")
    path = incoming.finish()
    assert path.read_bytes() == head + b"abcdef"
    assert incoming.sha256 == hashlib.sha256(b"abcdef").hexdigest() == data_set_sha256(path)


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34"])
def test_what_stands_before_a_data_set_is_what_pydicom_would_write(uid: str) -> None:
    """Also where a UID is padded to an even length."""
    meta = create_file_meta(
        sop_class_uid=UID("1.2.840.10008.5.1.4.1.1.1"),
        sop_instance_uid=UID(uid),
        transfer_syntax=ExplicitVRLittleEndian,
    )
    written = bytes(128) + b"DICM" + encode_file_meta(meta)
    assert file_head("1.2.840.10008.5.1.4.1.1.1", uid, ExplicitVRLittleEndian) == written
