"""The spool: whole files at their digests, or none."""

import errno
import hashlib
import os
import time
from pathlib import Path

import pytest
from pydicom import dcmread

from screening.errors import OutOfSpaceError, UnreadableDataSetError
from screening.spool.store import ABANDONED_AFTER_S, Spool, data_set_sha256
from screening.storage_scu.objects import identify
from tests.peers.receiving import radiograph


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return a prepared spool."""
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


def arrive(spool: Spool, content: bytes, name: str = "arrived") -> Path:
    """Put an object where the SCP writes what comes in."""
    path = spool.incoming / name
    path.write_bytes(content)
    return path


def test_a_kept_object_lies_whole_at_its_digest(spool: Spool) -> None:
    """It leaves the incoming folder; nothing else is there under another name."""
    sent = radiograph()
    incoming = arrive(spool, sent)
    sha256 = data_set_sha256(incoming)
    kept = spool.keep(incoming, sha256)
    assert kept == spool.path_of(sha256)
    assert kept.read_bytes() == sent
    assert (kept.parent.name, kept.name) == (sha256[:2], f"{sha256}.dcm")
    assert list(spool.incoming.iterdir()) == []


def test_keeping_again_heals_a_damaged_file(spool: Spool) -> None:
    """A sender's repetition replaces what the disk has spoilt."""
    sent = radiograph()
    sha256 = data_set_sha256(arrive(spool, sent))
    kept = spool.keep(arrive(spool, sent), sha256)
    kept.write_bytes(sent[:100])
    spool.keep(arrive(spool, sent), sha256)
    assert kept.read_bytes() == sent


def test_the_digest_is_of_the_data_set_alone(tmp_path: Path) -> None:
    """Two senders write different File Meta Information about the same data set."""
    one, other = tmp_path / "one", tmp_path / "other"
    sent = radiograph()
    one.write_bytes(sent)
    changed = dcmread(one)
    changed.file_meta.ImplementationVersionName = "ANOTHER"
    changed.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
    changed.save_as(other, enforce_file_format=True)
    assert other.read_bytes() != sent
    assert data_set_sha256(one) == data_set_sha256(other)
    data_set = sent[identify(sent).data_set_offset :]
    assert data_set_sha256(one) == hashlib.sha256(data_set).hexdigest()
    one.write_bytes(radiograph(grey=1))
    assert data_set_sha256(one) != data_set_sha256(other)


@pytest.mark.parametrize("content", [b"", b"DICM", bytes(200), b"x" * 128 + b"DICM" + b"y" * 99])
def test_what_is_no_part_10_file_has_no_digest(tmp_path: Path, content: bytes) -> None:
    """Without File Meta Information nobody knows where the data set begins."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableDataSetError, match="expected a DICOM Part 10 file"):
        data_set_sha256(path)


def test_what_a_dead_receiver_left_goes_at_once(spool: Spool) -> None:
    """Where nobody else receives, whatever is half received belongs to nobody; the rest stays."""
    half = arrive(spool, b"half")
    kept = spool.keep(arrive(spool, radiograph(), "whole"), "ab" * 32)
    with Spool(spool.incoming.parent).receiving():
        assert (half.exists(), kept.exists()) == (False, True)


def test_files_of_another_receiver_are_swept_only_when_abandoned(spool: Spool) -> None:
    """Several may receive into one spool; what nobody touched for an hour goes."""
    with spool.receiving():
        abandoned, arriving = arrive(spool, b"old", "old"), arrive(spool, b"new", "new")
        before = time.time() - ABANDONED_AFTER_S - 1
        os.utime(abandoned, (before, before))
        with Spool(spool.incoming.parent).receiving():
            assert (abandoned.exists(), arriving.exists()) == (False, True)


def test_too_little_free_space_is_refused_with_advice(tmp_path: Path) -> None:
    """The message says what is missing and which setting decides."""
    spool = Spool(tmp_path / "spool", min_free_bytes=1 << 60)
    spool.prepare()
    with pytest.raises(OutOfSpaceError, match=r"expected \d+ MiB free, found .*MIN_FREE_MIB"):
        spool.require_space()
    Spool(tmp_path / "spool", min_free_bytes=1).require_space()


def test_a_folder_that_takes_no_file_is_out_of_space(spool: Spool) -> None:
    """The sender is asked to come again; the object was not kept."""
    incoming = arrive(spool, radiograph())
    sha256 = data_set_sha256(incoming)
    spool.path_of(sha256).parent.rmdir()
    with pytest.raises(OutOfSpaceError, match=r"expected .* to take the object"):
        spool.keep(incoming, sha256)
    assert not spool.path_of(sha256).exists()


def test_a_disk_that_does_not_sync_is_no_success(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not survive a power cut is not kept."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    incoming = arrive(spool, radiograph())
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OutOfSpaceError, match="Input/output error"):
        spool.keep(incoming, "ab" * 32)
    assert not spool.path_of("ab" * 32).exists()
