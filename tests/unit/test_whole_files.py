"""A file is in its place whole or not at all, whatever goes wrong meanwhile."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from screening.whole_files import (
    file_sha256,
    sha256_from_here,
    whole_folder,
    whole_path,
    write_whole,
)


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """And nothing else stays in the folder."""
    path = tmp_path / "list.csv"
    for content in (b"old", b"new and longer"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("sole_writer", [False, True])
def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path, *, sole_writer: bool) -> None:
    """The half that was written is gone; the file before it stands."""
    path = tmp_path / "list.csv"
    path.write_bytes(b"old")

    def fail() -> None:
        with whole_path(path, sole_writer=sole_writer) as unfinished:
            unfinished.write_bytes(b"ne")
            assert path.read_bytes() == b"old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_does_not_keep_it_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What might not survive a power cut is not put in its place, unless nobody minds."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "list.csv"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"new", durable=False)
    assert path.read_bytes() == b"new"


def test_content_and_name_are_kept_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the bytes, then, after the rename, the folder that names them."""
    path, kept = tmp_path / "list.csv", []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        kept.append((Path(f"/proc/self/fd/{descriptor}").readlink(), path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_path(path) as unfinished:
        unfinished.write_bytes(b"new")
    assert kept == [(unfinished, False), (tmp_path, True)]


def test_two_writers_do_not_share_what_is_unfinished(tmp_path: Path) -> None:
    """Each writes its own; the last one stands, whole."""
    path = tmp_path / "list.csv"
    with whole_path(path) as one, whole_path(path) as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_sole_writer_overwrites_what_a_killed_one_left(tmp_path: Path) -> None:
    """So that checkpoints of killed processes do not fill the disk."""
    path = tmp_path / "checkpoint.npz"
    left = whole_path(path, sole_writer=True)
    left.__enter__().write_bytes(b"half")
    assert [one.name for one in tmp_path.iterdir()] == [".checkpoint.npz.part"]
    write_whole(path, b"whole", sole_writer=True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_stands_whole_or_not_at_all(tmp_path: Path) -> None:
    """Readable by all, and never in the place of another one that holds something."""
    path = tmp_path / "bundles" / "one"
    with whole_folder(path) as unfinished:
        (unfinished / "inner").mkdir()
        (unfinished / "inner" / "weights").write_bytes(b"w")
        assert not path.exists()
    assert (path / "inner" / "weights").read_bytes() == b"w"
    assert path.stat().st_mode & 0o777 == 0o755
    with pytest.raises(OSError, match="not empty"), whole_folder(path) as unfinished:
        (unfinished / "weights").write_bytes(b"x")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "bundles" / "two"):
        raise ZeroDivisionError
    assert list(path.parent.iterdir()) == [path]


def test_digests_are_of_all_that_is_read(tmp_path: Path) -> None:
    """Of a file, and of what is left of one that was begun."""
    path = tmp_path / "large"
    content = os.urandom(3_000_001)
    path.write_bytes(content)
    assert file_sha256(path) == hashlib.sha256(content).hexdigest()
    with path.open("rb") as file:
        file.seek(1000)
        assert sha256_from_here(file) == hashlib.sha256(content[1000:]).hexdigest()
