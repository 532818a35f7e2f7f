"""An SQLite file that is damaged, replaced or read-only: nothing is lost, nothing restarted."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from os import geteuid
from pathlib import Path

import pytest
from sqlalchemy import select, text

from screening.classify.claim import claim
from screening.db.clock import utc_now
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.errors import DatabaseUnavailableError
from screening.settings import Settings
from tests.peers.receiving import SUCCESS, radiograph, running_receiver
from tests.rows.stored import add_instance
from tests.sites.web_app import Client, make_app

pytestmark = pytest.mark.integration
OUT_OF_RESOURCES = 0xA700
NEXT = "1.2.3.1.1.2"


@contextmanager
def mounted_read_only(folder: Path) -> Iterator[None]:
    """Have nothing written below a folder, root's hand included, or skip."""
    bind = ["mount", "--bind", str(folder), str(folder)]
    if geteuid() or subprocess.run(bind, check=False, capture_output=True).returncode:
        pytest.skip("a folder cannot be mounted here: only root may")
    try:
        remount = ["mount", "-o", "remount,ro,bind", str(folder)]
        if subprocess.run(remount, check=False, capture_output=True).returncode:
            pytest.skip("a folder cannot be mounted read-only here")
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def damage(file: Path) -> None:
    """Overwrite the tables' pages."""
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"\xff" * (size - 100))


def replace_by_a_letter(file: Path) -> None:
    """Have something else under the database's name."""
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    file.write_bytes(b"a letter, not a database " * 4000)


@pytest.mark.parametrize("harm", [damage, replace_by_a_letter])
def test_a_damaged_file_is_no_fault_of_the_object(
    tmp_path: Path, migrated_database: Database, harm: Callable[[Path], None]
) -> None:
    """0xA700 and 503 while it is so; restored from the backup, all goes on without a restart."""
    file = Path(str(migrated_database.engine.url.database))
    with (
        closing(sqlite3.connect(file)) as source,
        closing(sqlite3.connect(tmp_path / "backup.db")) as copy,
    ):
        source.backup(copy)
    with running_receiver(tmp_path, migrated_database) as receiver, receiver.sender() as send:
        migrated_database.close()
        harm(file)
        page = Client(make_app(migrated_database, Settings(data_dir=tmp_path)))
        refused = send(radiograph())
        assert refused.status == OUT_OF_RESOURCES
        assert refused.error_comment == "database unavailable, send again later"
        assert page.get("/").status_code == 503
        with pytest.raises(DatabaseUnavailableError, match="restore it from the backup"):
            claim(migrated_database, bundle_id=1, worker="w", batch_size=1, lease_s=30)
        for left in tmp_path.glob("screening.db*"):
            left.unlink()
        shutil.copy(tmp_path / "backup.db", file)
        assert send(radiograph()).status == SUCCESS
        assert page.get("/").status_code == 200


def test_a_file_that_may_not_be_written_is_no_fault_of_the_object(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file system that the kernel has made read-only, and writable again."""
    folder = tmp_path_factory.mktemp("read-only")
    upgrade(f"sqlite:///{folder / 'screening.db'}")
    with (
        closing(Database(f"sqlite:///{folder / 'screening.db'}")) as database,
        running_receiver(tmp_path, database) as receiver,
        receiver.sender() as send,
    ):
        assert send(radiograph()).status == SUCCESS
        database.close()  # an open file would keep the mount from being made read-only
        with mounted_read_only(folder):
            assert send(radiograph(SOPInstanceUID=NEXT)).status == OUT_OF_RESOURCES
        assert send(radiograph(SOPInstanceUID=NEXT)).status == SUCCESS


def test_a_text_of_nul_is_written_with_a_replacement(migrated_database: Database) -> None:
    """What others send us in a free text fits every column for it, JSON included."""
    with migrated_database.write() as session:
        add_instance(session, "1.2.3", patient_name="Doe\0Jane\ud800")
        session.add(
            Event(
                at=utc_now(), kind="test", detail={"message": "a\0b", "deep": [{"c\0": "\udc00"}]}
            )
        )
    with migrated_database.read() as session:
        assert session.scalar(text("SELECT patient_name FROM instances")) == "Doe\ufffdJane\ufffd"
        assert session.scalar(select(Event.detail)) == {
            "message": "a\ufffdb",
            "deep": [{"c\ufffd": "\ufffd"}],
        }
