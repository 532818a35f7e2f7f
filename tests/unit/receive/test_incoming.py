"""The file of an object on its way in: its failures wait until the object is answered."""

import gc
import resource
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import _config, dimse_messages

from screening.dimse.data_set_files import streamed_to
from screening.errors import ObjectTooLargeError, OutOfSpaceError
from screening.receive.incoming import SPACE_CHECK_BYTES, IncomingFile


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
    incoming.file.flush()
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


def test_pynetdicom_streams_into_our_folder_and_only_inside_the_block(tmp_path: Path) -> None:
    """Its own temporary files come back afterwards."""
    with streamed_to(lambda: IncomingFile(tmp_path, max_bytes=10)):
        made = dimse_messages.NamedTemporaryFile(delete=False, mode="wb", suffix=".dcm")
        assert isinstance(made, IncomingFile)
        assert Path(made.name).parent == tmp_path
        assert _config.STORE_RECV_CHUNKED_DATASET
    assert dimse_messages.NamedTemporaryFile is tempfile.NamedTemporaryFile
    assert not _config.STORE_RECV_CHUNKED_DATASET
