"""What holds patient data is its owner's alone, whatever the umask and what was there before."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from screening.cli.operations.private_data import mend_data_folder
from screening.private_files import make_private, privately
from screening.settings import load_settings


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def open_to_everybody() -> Iterator[None]:
    """Run with the most generous umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_inside_the_block_files_are_private(tmp_path: Path) -> None:
    """Whatever the umask was, which is back afterwards."""
    with privately():
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file").touch()
    (tmp_path / "after").touch()
    assert mode(tmp_path / "folder") == 0o700
    assert mode(tmp_path / "folder" / "file") == 0o600
    assert mode(tmp_path / "after") == 0o666


def test_what_was_open_is_mended_and_nothing_else(tmp_path: Path) -> None:
    """At any depth; the owner keeps what the owner may; links are not followed."""
    (tmp_path / "reports" / "day").mkdir(parents=True)
    report = tmp_path / "reports" / "day" / "report.dcm"
    report.touch()
    report.chmod(0o444)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (tmp_path / "reports" / "link").symlink_to(elsewhere)
    assert make_private([tmp_path / "reports", tmp_path / "absent"]) == []
    assert [mode(path) for path in (tmp_path / "reports", report.parent)] == [0o700] * 2
    assert mode(report) == 0o400
    assert mode(elsewhere) == 0o666


def test_a_data_folder_is_mended_where_it_holds_ours(tmp_path: Path) -> None:
    """The database with its log, spool, reports, logs, messages; a neighbour's file stays."""
    data = tmp_path / "data"
    for name in ("spool/objects/ab", "reports", "logs", "broker/messages", "theirs"):
        (data / name).mkdir(parents=True)
    ours = ["screening.db", "screening.db-wal", "screening.db-shm", "up.lock", "logs/receive.log"]
    for name in (*ours, "spool/objects/ab/one.dcm", "broker/messages/1.msg", "theirs/file"):
        (data / name).touch()
    mend_data_folder(load_settings(data_dir=data))
    open_still = {str(path.relative_to(data)) for path in data.rglob("*") if mode(path) & 0o077}
    assert open_still == {"theirs", "theirs/file"}
    assert mode(data) == 0o700


def test_a_database_elsewhere_is_mended_too(tmp_path: Path) -> None:
    """Its file and its log; a server's is the server's."""
    path = tmp_path / "elsewhere.db"
    path.touch()
    mend_data_folder(load_settings(data_dir=tmp_path / "data", database_url=f"sqlite:///{path}"))
    assert mode(path) == 0o600
    mend_data_folder(
        load_settings(data_dir=tmp_path / "data", database_url="postgresql+psycopg://host/name")
    )
