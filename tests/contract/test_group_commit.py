"""Objects that arrive together share a transaction, and nothing else."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from screening import whole_files
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Association, Classification, Event, Instance
from screening.receive.objects.intake import Intake, Outcome, Peer, Request
from screening.spool.store import Spool
from tests.peers.receiving import radiograph
from tests.rows.stored import COMPUTED_RADIOGRAPHY
from tests.sites.site import wait_until

BAD = "1.2.3.666"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF NEW.sop_instance_uid = '{BAD}' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$
"""
TRIGGERS = {
    "sqlite": [
        f"""
        CREATE TRIGGER odd BEFORE INSERT ON instances WHEN NEW.sop_instance_uid = '{BAD}'
        BEGIN SELECT RAISE(ABORT, 'no'); END
        """
    ],
    "postgresql": [
        FUNCTION,
        "CREATE TRIGGER odd BEFORE INSERT ON instances FOR EACH ROW EXECUTE FUNCTION odd()",
    ],
}


@contextmanager
def bad_row_refused(database: Database) -> Iterator[None]:
    """Have the database refuse one row inside the block, as a site's own trigger may."""
    with database.engine.begin() as connection:
        for statement in TRIGGERS[database.dialect]:
            connection.execute(text(statement))
    yield
    on_table = " ON instances" if database.dialect == "postgresql" else ""
    with database.engine.begin() as connection:
        connection.execute(text(f"DROP TRIGGER odd{on_table}"))


class Together:
    """Takes objects of several associations, all but the first of them in one group."""

    def __init__(self, database: Database, spool: Spool, folder: Path) -> None:
        self.intake = Intake(database, spool)
        self.groups: list[list[str]] = []
        self._folder = folder
        self._record = self.intake._record
        self._proceed = threading.Event()
        self.intake._commits._write = self._write

    def take(self, uids: Sequence[str]) -> list[Outcome | Exception]:
        """Take an object of each UID; return what came of each."""
        with ThreadPoolExecutor(len(uids)) as threads:
            first = threads.submit(self._take, 0, uids[0])
            wait_until(lambda: bool(self.groups), "the first to be recorded")
            others = [
                threads.submit(self._take, place, uid) for place, uid in enumerate(uids[1:], 1)
            ]
            waiting = self.intake._commits
            wait_until(
                lambda: len(waiting._waiting) == len(uids) - 1,
                "the others to wait",
            )
            self._proceed.set()
            return [one.result(60) for one in (first, *others)]

    def _take(self, place: int, uid: str) -> Outcome | Exception:
        file = self._folder / f"{place}.part"
        file.write_bytes(radiograph(SOPInstanceUID=uid, StudyInstanceUID=f"{uid}.9"))
        peer = Peer(f"association {place}", "CR", "SCREENING", "127.0.0.1", utc_now())
        try:
            return self.intake.take(file, Request(COMPUTED_RADIOGRAPHY, uid), peer)
        except Exception as error:  # noqa: BLE001  is looked at
            return error

    def _write(self, group: Sequence[object]) -> list[Outcome]:
        self.groups.append([one.taken.sha256 for one in group])  # type: ignore[attr-defined]
        if len(self.groups) == 1:
            assert self._proceed.wait(30)
        return self._record(group)  # type: ignore[arg-type]


def test_a_row_that_the_database_refuses_fails_alone(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """The others of its group are stored, each with its row, its work and its event."""
    together = Together(database, spool, tmp_path)
    good = [f"1.2.3.{number}" for number in range(4)]
    with bad_row_refused(database):
        *stored, refused = together.take([*good, BAD])
    assert stored == [Outcome.STORED] * 4
    assert isinstance(refused, Exception)
    assert sorted(map(len, together.groups)) == [1, 1, 1, 1, 1, 4]
    with database.read() as session:
        assert sorted(session.scalars(select(Instance.sop_instance_uid))) == good
        for table, count in ((Classification, 4), (Event, 4), (Association, 4)):
            assert session.scalar(select(func.count()).select_from(table)) == count


def test_one_object_twice_in_a_group_is_one_row(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """The same bytes of two associations at once: one is new, the other repeats it."""
    first, *both = Together(database, spool, tmp_path).take(["1.2.3.1", "1.2.3.2", "1.2.3.2"])
    assert first is Outcome.STORED
    assert sorted(map(str, both)) == ["repeated", "stored"]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 2


def test_nothing_is_recorded_before_it_is_durable(
    database: Database, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file and folder of a group is fsynced before its row is written."""
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(whole_files.os, "fsync", noted)
    together = Together(database, spool, tmp_path)
    record = together._record

    def checked(group: Sequence[object]) -> list[Outcome]:
        for one in group:
            kept = spool.path_of(one.taken.sha256)  # type: ignore[attr-defined]
            assert kept.exists()
            assert str(kept.parent) in synced
        return record(group)  # type: ignore[arg-type]

    together._record = checked  # type: ignore[method-assign]
    assert together.take([f"1.2.3.{n}" for n in range(4)]) == [Outcome.STORED] * 4
    files = [path for path in synced if path.startswith(str(tmp_path)) and path.endswith(".part")]
    assert len(files) == 4
