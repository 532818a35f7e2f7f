"""The doorbell and the embedded broker, between real processes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest
import redis

from screening.doorbell import worker
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import Doorbell, ring_once
from screening.doorbell.worker import EXIT_DEAF, Station
from screening.settings import Settings, load_settings
from tests.services.servers import PrivateServer, free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
MESSAGES, PADDING_BYTES = 80, 20_000
LARGE_MESSAGES, LARGE_BYTES = 4, 10_000_000
START_TIMEOUT_S = 120
MANY_SWEEPS_S = 2

WRITER = """
import sys
from screening.doorbell.app import make_celery_app
from screening.settings import load_settings
folder, writer, messages, padding = sys.argv[1], *map(int, sys.argv[2:])
with make_celery_app(load_settings(data_dir=folder)).connection_for_write() as connection:
    with connection.SimpleQueue("classify") as queue:
        for number in range(messages):
            queue.put({"id": f"{writer}-{number}", "padding": "x" * padding})
"""
READER = """
import json, queue as empty, sys
from screening.doorbell.app import make_celery_app
from screening.settings import load_settings
folder, padding, found = sys.argv[1], int(sys.argv[2]), []
with make_celery_app(load_settings(data_dir=folder)).connection_for_read() as connection:
    with connection.SimpleQueue("classify") as queue:
        while True:
            try:
                message = queue.get(timeout=2)
            except empty.Empty:
                break
            assert len(message.payload["padding"]) == padding
            found.append(message.payload["id"])
            message.ack()
print(json.dumps(found))
"""
STATION = """
import pathlib, sys, time
from screening.errors import DatabaseUnavailableError
from screening.logs import configure_logs
from screening.doorbell import worker
from screening.doorbell.app import make_celery_app
from screening.doorbell.ring import Doorbell
from screening.doorbell.names import Queue
from screening.settings import load_settings
folder, is_deaf = pathlib.Path(sys.argv[1]), sys.argv[2] == "deaf"
worker.UNANSWERED_RINGS = 3
configure_logs("INFO", station="test")
calls, failed_sweeps = [], []
def work():
    calls.append(1)
    with (folder / "calls").open("a") as file:
        file.write(f"{len(calls)}\\n")
    if len(calls) == 1:
        raise ValueError("DOE^JANE")
    if len(calls) == 2:
        raise DatabaseUnavailableError("the database is away")
def due():
    if len(calls) == 3 and not failed_sweeps:
        failed_sweeps.append(1)
        raise DatabaseUnavailableError("the database is away")
    return is_deaf or len(calls) < 5
station = worker.Station(
    app=make_celery_app(load_settings(data_dir=folder)), queue=Queue.CLASSIFY,
    work=work, due=due, sweep_interval_s=0.2,
)
if is_deaf:
    elsewhere = make_celery_app(load_settings(data_dir=folder / "elsewhere"))
    station._doorbell = Doorbell(elsewhere, Queue.CLASSIFY)
station.run(name="test")
"""

CUT_OFF = """
import pathlib, sys, time
from screening.doorbell import worker
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.settings import load_settings
folder, broker_url = pathlib.Path(sys.argv[1]), sys.argv[2]
worker.UNANSWERED_RINGS = 100_000
def work():
    with (folder / "calls").open("a") as file:
        file.write("called\\n")
    while not (folder / "may-end").exists():
        time.sleep(0.05)
station = worker.Station(
    app=make_celery_app(load_settings(data_dir=folder, broker_url=broker_url)),
    queue=Queue.REPORT, work=work, due=lambda: True, sweep_interval_s=0.2,
)
station.run(name="test")
"""


@contextmanager
def program(text: str, *arguments: str | int | Path) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program with arguments; what still runs at the end is killed."""
    command = [sys.executable, "-c", text, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with the embedded broker."""
    return load_settings(data_dir=tmp_path)


def messages(settings: Settings) -> int:
    """Count the messages that wait in the embedded broker."""
    return len(list((settings.embedded_broker_dir / "messages").glob("*.msg")))


def test_messages_cross_processes_whole_and_once(tmp_path: Path) -> None:
    """Two processes write while two read: every message arrives, none twice, none in part."""
    with ExitStack() as stack:
        reading = [program(READER, tmp_path, PADDING_BYTES) for _ in range(2)]
        writing = [program(WRITER, tmp_path, n, MESSAGES, PADDING_BYTES) for n in range(2)]
        running = [stack.enter_context(one) for one in reading + writing]
        outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4, outputs
    found = [message for output, _ in outputs[:2] for message in json.loads(output)]
    assert sorted(found) == sorted(f"{w}-{n}" for w in range(2) for n in range(MESSAGES))


def test_a_message_is_whole_from_the_moment_it_is_seen(tmp_path: Path, settings: Settings) -> None:
    """Whoever looks while large messages are written finds each one complete or not at all."""
    folder, seen = settings.embedded_broker_dir / "messages", set()
    with program(WRITER, tmp_path, 0, LARGE_MESSAGES, LARGE_BYTES) as writer:
        while writer.poll() is None:
            for path in set(folder.glob("*.msg")) - seen:
                json.loads(path.read_text())
                seen.add(path)
    assert writer.returncode == 0
    assert messages(settings) == LARGE_MESSAGES


@pytest.fixture(params=["embedded", "redis"])
def either_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return settings with an empty broker of each kind."""
    if request.param == "embedded":
        return load_settings(data_dir=tmp_path)
    url: str = request.getfixturevalue("redis_url")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return load_settings(data_dir=tmp_path, broker_url=url)


def test_rings_that_nobody_answers_are_one_message(either_broker: Settings) -> None:
    """However long a worker is busy: work waits in the database, and not in the broker."""
    app = make_celery_app(either_broker)
    doorbell = Doorbell(app, Queue.CLASSIFY)
    for _ in range(60):
        doorbell.ring()
        time.sleep(0.01)
    doorbell.close()
    assert ring_once(app, Queue.CLASSIFY)
    with app.connection_for_read() as connection:
        assert connection.default_channel.queue_purge("classify") == 1
        assert ring_once(app, Queue.CLASSIFY)
        assert connection.default_channel.queue_purge("classify") == 1


def test_a_ring_before_the_end_is_delivered(settings: Settings) -> None:
    """Closing waits for the ring under way."""
    doorbell = Doorbell(make_celery_app(settings), Queue.REPORT)
    doorbell.ring()
    doorbell.close()
    assert messages(settings) >= 1


def test_a_broker_that_is_away_is_told(tmp_path: Path) -> None:
    """The ring is not delivered, and nobody waits until it is."""
    app = make_celery_app(
        load_settings(data_dir=tmp_path, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    )
    assert not ring_once(app, Queue.CLASSIFY)


def test_a_broker_that_is_there_takes_the_ring(settings: Settings) -> None:
    """One message in the right queue."""
    assert ring_once(make_celery_app(settings), Queue.CLASSIFY)
    [message] = (settings.embedded_broker_dir / "messages").glob("*.classify.msg")
    assert "screening.classify.work" in message.read_text()


def test_a_station_works_while_work_is_due_whatever_the_work_raises(tmp_path: Path) -> None:
    """Nobody rings but its own sweep; errors of work and sweep end neither; SIGTERM ends both."""
    calls = tmp_path / "calls"
    with program(STATION, tmp_path, "hearing") as station:
        wait_until(lambda: calls.exists() and "5" in calls.read_text(), "the work", START_TIMEOUT_S)
        time.sleep(1)
        station.send_signal(signal.SIGTERM)
        _, written = station.communicate(timeout=15)
    assert station.returncode == 0
    assert len(calls.read_text().split()) < 20
    assert '"worker_ready"' in written, "events are written from the level that the site sets"
    assert "work_failed" in written
    assert "work_postponed" in written
    assert "sweep_failed" in written


def test_a_station_that_is_deaf_since_the_broker_was_away_ends_itself(
    tmp_path: Path, own_redis: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with nothing due, as it may be a moment later; but not before the broker is back."""
    ended: list[int] = []
    station = Station(
        app=make_celery_app(load_settings(data_dir=tmp_path, broker_url=own_redis.url)),
        queue=Queue.REPORT,
        work=lambda: None,
        due=lambda: False,
        sweep_interval_s=0.2,
    )

    def end(status: int) -> None:
        ended.append(status)
        station._stopped.set()

    monkeypatch.setattr(worker.os, "_exit", end)
    monkeypatch.setattr(worker, "UNANSWERED_RINGS", 4)
    sweep = Thread(target=station._sweep)
    sweep.start()
    time.sleep(MANY_SWEEPS_S)
    assert ended == [], "another worker may have answered"
    own_redis.stop(signal.SIGKILL)
    wait_until(lambda: not station._doorbell.reaches_broker, "a ring that nobody takes")
    time.sleep(MANY_SWEEPS_S)
    assert ended == [], "a fresh process would hear no more"
    own_redis.start()
    sweep.join(START_TIMEOUT_S)
    assert ended == [EXIT_DEAF]
    station._doorbell.close()


def test_a_station_whose_broker_went_away_in_mid_work_hears_again(
    tmp_path: Path, own_redis: PrivateServer
) -> None:
    """Its acknowledgement comes to nothing; the same process answers once the broker is back."""
    calls = tmp_path / "calls"
    with program(CUT_OFF, tmp_path, own_redis.url) as station:
        wait_until(calls.exists, "the work", START_TIMEOUT_S)
        own_redis.stop(signal.SIGKILL)
        (tmp_path / "may-end").touch()
        time.sleep(MANY_SWEEPS_S)
        own_redis.start()
        wait_until(lambda: len(calls.read_text().split()) > 1, "a ring to be heard")
        assert station.poll() is None


def test_a_half_written_list_of_queues_is_made_anew(settings: Settings) -> None:
    """A process was killed, or had no space, while it wrote the file that all of them read."""
    app = make_celery_app(settings)
    assert ring_once(app, Queue.CLASSIFY)
    [written] = (settings.embedded_broker_dir / "control").glob("*classify*.exchange")
    for torn in ("", '[["screening'):
        written.write_text(torn)
        for heard in (settings.embedded_broker_dir / "messages").glob("*.msg"):
            heard.unlink()
        assert ring_once(app, Queue.CLASSIFY)
        assert messages(settings) == 1


def test_a_station_that_hears_no_ring_ends_itself(tmp_path: Path) -> None:
    """Alive is who answers: the supervisor starts a fresh process in place of a deaf one."""
    with program(STATION, tmp_path, "deaf") as station:
        _, written = station.communicate(timeout=START_TIMEOUT_S)
    assert station.returncode == EXIT_DEAF
    assert "worker_deaf" in written
    assert not (tmp_path / "calls").exists()
