"""The SCP while its disk, its database or its broker fails: nothing lost, nothing pretended."""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.doorbell import ring
from screening.storage_scu.association import NotAssociatedError
from screening.storage_scu.objects import identify
from screening.storage_scu.outcomes import Outcome
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver
from tests.services.servers import new_postgresql_database
from tests.sites.site import START_TIMEOUT_S, wait_until

pytestmark = pytest.mark.integration
SENDERS = 8
OUT_OF_RESOURCES = 0xA700


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[None]:
    """Mount a small file system, or skip where that is not allowed."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: only root may")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def away(url: str) -> Iterator[None]:
    """Have PostgreSQL cut every connection to a database and take no new one."""
    name = make_url(url).database
    server = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with closing(server.connect()) as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(cut), {"name": name})
        try:
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    server.dispose()


@contextmanager
def watched(receiver: Receiver) -> Iterator[Callable[[], float]]:
    """Note how much lies in the incoming folder, and tell the most in MiB."""
    stopped, sizes = Event(), [0]

    def watch() -> None:
        while not stopped.wait(0.002):
            with suppress(OSError):
                sizes.append(sum(path.stat().st_size for path in receiver.incoming()))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield lambda: max(sizes) / 2**20
    finally:
        stopped.set()
        watcher.join()


def test_below_the_watermark_nothing_is_taken_until_there_is_room(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Objects are refused and associations rejected, both for now; the refusal is recorded."""
    with (
        small_disk(tmp_path / "spool", 8 << 10),
        running_receiver(tmp_path, migrated_database, min_free_mib=2) as receiver,
    ):
        filler = tmp_path / "spool" / "filler"
        with receiver.sender() as send:
            assert send(radiograph()).status == SUCCESS
            filler.write_bytes(bytes(6 << 20))
            answer = send(radiograph(SOPInstanceUID="1.2.3.1.1.2"))
            assert answer.status == OUT_OF_RESOURCES
            assert answer.error_comment == "no space in the spool, send again later"
            assert (len(receiver.kept()), receiver.incoming()) == (1, [])
            with pytest.raises(NotAssociatedError, match="congest") as rejected:
                receiver.send(radiograph())
            assert rejected.value.outcome is Outcome.RETRY
            filler.unlink()
            assert send(radiograph(SOPInstanceUID="1.2.3.1.1.2")).status == SUCCESS
        assert receiver.send(radiograph())[0].status == SUCCESS
    assert [e.detail.get("status") for e in receiver.events() if "refused" in e.kind] == ["0xA700"]


def test_an_object_is_dropped_as_soon_as_it_crosses_the_watermark(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The disk is not filled to its end first: what is written so far goes at once."""
    with (
        small_disk(tmp_path / "spool", 24 << 10),
        running_receiver(tmp_path, migrated_database, min_free_mib=14) as receiver,
        watched(receiver) as largest_mib,
        receiver.sender() as send,
    ):
        assert send(radiograph(side=4500)).status == OUT_OF_RESOURCES
        assert receiver.incoming() == []
    assert 0 < largest_mib() < 18


def test_a_disk_that_fills_up_costs_one_object_and_not_the_association(
    tmp_path: Path, migrated_database: Database
) -> None:
    """A write that fails in mid-object is 0xA700; with space made, the next object is stored."""
    with small_disk(tmp_path / "spool", 512):
        filler = tmp_path / "spool" / "filler"
        with running_receiver(tmp_path, migrated_database) as receiver, receiver.sender() as send:
            filler.write_bytes(bytes(400 << 10))
            assert send(radiograph(side=600)).status == OUT_OF_RESOURCES
            assert receiver.incoming() == []
            filler.unlink()
            assert send(radiograph(side=600)).status == SUCCESS
            assert (len(receiver.instances()), len(receiver.kept())) == (1, 1)


def test_a_database_that_is_away_costs_nothing_but_time(
    tmp_path: Path, postgresql_url: str
) -> None:
    """No row, no Success; the sender's next try succeeds once the database is back."""
    url = new_postgresql_database(postgresql_url)
    upgrade(url)
    with (
        closing(Database(url)) as database,
        running_receiver(tmp_path, database) as receiver,
        receiver.sender() as send,
    ):
        assert send(radiograph()).status == SUCCESS
        with away(url):
            refused = send(radiograph(SOPInstanceUID="1.2.3.1.1.2"))
        assert refused.status == OUT_OF_RESOURCES
        assert refused.error_comment == "database unavailable, send again later"
        assert send(radiograph(SOPInstanceUID="1.2.3.1.1.2")).status == SUCCESS
        assert [row.conflicting for row in receiver.instances()] == [False, False]
        assert len(receiver.kept()) == 2


def test_a_broker_that_does_not_answer_delays_no_sender(
    tmp_path: Path, migrated_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doorbell is rung beside the association: rows wait for the sweep instead."""
    answered, rung = Event(), Event()

    def hang(*_: object) -> bool:
        rung.set()
        return answered.wait()

    monkeypatch.setattr(ring, "ring_once", hang)
    with running_receiver(tmp_path, migrated_database) as receiver:
        answers = receiver.send(*(radiograph(SOPInstanceUID=f"1.2.3.{n}") for n in range(1, 6)))
        assert rung.wait(START_TIMEOUT_S)
        answered.set()
    assert [answer.status for answer in answers] == [SUCCESS] * 5


def test_parallel_senders_of_one_object_make_one_row(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The unique constraint decides who was first; everybody gets Success."""
    together = Barrier(SENDERS, timeout=20)
    with running_receiver(tmp_path, migrated_database) as receiver:

        def send(_: int) -> int | None:
            with receiver.sender() as store:
                together.wait()
                return store(radiograph()).status

        with ThreadPoolExecutor(SENDERS) as senders:
            assert list(senders.map(send, range(SENDERS))) == [SUCCESS] * SENDERS
    assert (len(receiver.instances()), len(receiver.kept())) == (1, 1)
    assert receiver.incoming() == []
    kinds = [event.kind for event in receiver.events()]
    assert sorted(kinds) == ["instance_received", *["instance_repeated"] * (SENDERS - 1)]


def _abort(association: Association) -> None:
    association.abort()


def _cut(association: Association) -> None:
    association.dul.socket.close()


@pytest.mark.parametrize("end", [_abort, _cut])
def test_an_association_that_ends_in_mid_object_leaves_nothing(
    tmp_path: Path, migrated_database: Database, end: Any
) -> None:
    """Half an object is no file and no row, and the SCP goes on."""
    with running_receiver(tmp_path, migrated_database) as receiver:
        entity = AE("CR_ROOM_1")
        entity.add_requested_context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
        association = entity.associate(receiver.peer.host, receiver.peer.port)
        _send_half(association, radiograph(side=1000))
        wait_until(lambda: any(p.stat().st_size for p in receiver.incoming()), "half a file", 10)
        end(association)
        wait_until(lambda: not receiver.incoming(), "the file to go", 10)
        assert (receiver.instances(), receiver.kept()) == ([], [])
        assert receiver.send(radiograph())[0].status == SUCCESS


def _send_half(association: Association, encoded: bytes) -> None:
    found = identify(encoded)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = found.sop_class_uid
    request.AffectedSOPInstanceUID = found.sop_instance_uid
    request.DataSet = BytesIO(encoded[found.data_set_offset :])
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    fragments = list(message.encode_msg(association.accepted_contexts[0].context_id, 16384))
    for fragment in fragments[: len(fragments) // 2]:
        association.dul.send_pdu(fragment)
