"""A Redis that answers and refuses: workers and the SCP's doorbell wait as when it is away."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from screening.cli import ringing
from screening.cli.ringing import BrokerWatch
from screening.doorbell import broker_state, worker
from screening.doorbell.app import make_celery_app
from screening.doorbell.broker_state import Outage
from screening.doorbell.names import Queue
from screening.doorbell.ring import ring_once
from screening.doorbell.worker import EXIT_DEAF
from screening.settings import load_settings
from tests.services.servers import PrivateServer, free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
START_TIMEOUT_S = 120
SWEEP_S = 0.2
PASSWORD = "between us"  # noqa: S105  of a private server
Change = Callable[[redis.Redis], object]
STATION = """
import pathlib, sys
from screening.logs import configure_logs
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.worker import Station
from screening.settings import load_settings
folder, broker_url = pathlib.Path(sys.argv[1]), sys.argv[2]
configure_logs("INFO", station="test")
def work():
    with (folder / "calls").open("a") as file:
        file.write("called\\n")
station = Station(
    app=make_celery_app(load_settings(data_dir=folder, broker_url=broker_url)),
    queue=Queue.REPORT, work=work, due=lambda: True, sweep_interval_s=float(sys.argv[3]),
)
station.run(name="test")
"""


def _full_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory", 1)


def _roomy_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory", 0)


def _replica(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", str(free_port()))


def _primary(client: redis.Redis) -> None:
    client.replicaof("NO", "ONE")


def _disk_full(client: redis.Redis) -> None:
    """Have a save fail, after which Redis takes no writes."""
    (Path(client.config_get("dir")["dir"]) / "dump.rdb").mkdir(exist_ok=True)  # in its way
    client.config_set("save", "3600 1")
    client.set("unsaved", "1")
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "an error")


def _disk_roomy(client: redis.Redis) -> None:
    client.config_set("save", "")


def _too_few_replicas(client: redis.Redis) -> None:
    client.config_set("min-replicas-to-write", 1)


def _enough_replicas(client: redis.Redis) -> None:
    client.config_set("min-replicas-to-write", 0)


def _wants_password(client: redis.Redis) -> None:
    client.config_set("requirepass", PASSWORD)
    client.client_kill_filter(_type="normal", skipme=True)


def _wants_none(client: redis.Redis) -> None:
    client.execute_command("AUTH", PASSWORD)
    client.config_set("requirepass", "")


REFUSALS: dict[str, tuple[Change, Change]] = {
    "OOM": (_full_memory, _roomy_memory),
    "READONLY": (_replica, _primary),
    "MISCONF": (_disk_full, _disk_roomy),
    "NOREPLICAS": (_too_few_replicas, _enough_replicas),
    "NOAUTH": (_wants_password, _wants_none),
}


@pytest.fixture
def client(own_redis: PrivateServer) -> Iterator[redis.Redis]:
    """Return a client with one connection, which a password set later does not concern."""
    with redis.Redis.from_url(own_redis.url, single_connection_client=True) as connected:
        connected.ping()
        yield connected


@contextmanager
def running_station(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """Run a station that always has work, its log in a file."""
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", STATION, str(folder), url, str(SWEEP_S)],
            stderr=log,
            stdout=log,
            text=True,
        ) as station,
    ):
        try:
            yield station
        finally:
            station.kill()


def events(folder: Path, name: str) -> list[dict[str, str]]:
    """Return a station's events of one name; every line of its log is JSON."""
    lines = (folder / "log").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["event"] == name]


def calls(folder: Path) -> int:
    """Count how often a station worked."""
    path = folder / "calls"
    return len(path.read_text().split()) if path.exists() else 0


@pytest.mark.parametrize("code", REFUSALS)
def test_a_worker_waits_for_a_broker_that_refuses(
    code: str, tmp_path: Path, own_redis: PrivateServer, client: redis.Redis
) -> None:
    """It neither ends nor repeats itself in the log, and works once the broker takes messages."""
    refuse, take_again = REFUSALS[code]
    with running_station(tmp_path, own_redis.url) as station:
        wait_until(lambda: calls(tmp_path) > 0, "work", START_TIMEOUT_S)
        refuse(client)
        wait_until(
            lambda: any(code in e["reason"] for e in events(tmp_path, "broker_unavailable")),
            "the reason in the log",
        )
        with pytest.raises(subprocess.TimeoutExpired):  # rings for as long as would end it
            station.wait(worker.UNANSWERED_RINGS * SWEEP_S * 2)
        take_again(client)
        done = calls(tmp_path)
        wait_until(lambda: calls(tmp_path) > done + 1, "work after it", START_TIMEOUT_S)
        station.send_signal(signal.SIGTERM)
        assert station.wait(START_TIMEOUT_S) == 0
    said = [event["reason"] for event in events(tmp_path, "broker_unavailable")]
    assert len(said) == len(set(said)), "each reason once"
    assert len(events(tmp_path, "broker_available")) == 1
    assert {event["station"] for event in events(tmp_path, "broker_unavailable")} == {"test"}


def test_a_worker_that_starts_beside_a_broker_that_refuses_can_be_stopped(
    tmp_path: Path, own_redis: PrivateServer, client: redis.Redis
) -> None:
    """It has not begun to work; SIGINT ends it with status 0 all the same."""
    _full_memory(client)
    with running_station(tmp_path, own_redis.url) as station:
        wait_until(lambda: events(tmp_path, "broker_unavailable"), "the reason", START_TIMEOUT_S)
        station.send_signal(signal.SIGINT)
        assert station.wait(START_TIMEOUT_S) == 0
    assert calls(tmp_path) == 0
    [said] = events(tmp_path, "broker_unavailable")
    assert said["level"] == "warning"
    assert "maxmemory" in said["reason"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_doorbell_tells_once_why_it_cannot_be_rung(
    code: str, tmp_path: Path, own_redis: PrivateServer, client: redis.Redis
) -> None:
    """Also where a message waits, which nobody could take now."""
    refuse, take_again = REFUSALS[code]
    app = make_celery_app(load_settings(data_dir=tmp_path, broker_url=own_redis.url))
    outage = Outage()
    assert ring_once(app, Queue.CLASSIFY, outage)
    refuse(client)
    with capture_logs() as logs:
        assert [ring_once(app, Queue.CLASSIFY, outage) for _ in range(3)] == [False] * 3
        take_again(client)
        assert ring_once(app, Queue.CLASSIFY, outage)
    first, last = logs
    assert (first["event"], first["log_level"]) == ("broker_unavailable", "warning")
    assert f"({code})" in first["reason"]
    assert last["event"] == "broker_available"


def test_up_tells_once_that_the_broker_refuses(
    tmp_path: Path,
    own_redis: PrivateServer,
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever looks at it sees why nothing goes on, and when it does."""
    monkeypatch.setattr(ringing, "LOOK_EVERY_S", 0.0)
    watch = BrokerWatch(load_settings(data_dir=tmp_path, broker_url=own_redis.url))
    watch.look()
    _full_memory(client)
    for _ in range(3):
        watch.look()
    _roomy_memory(client)
    watch.look()
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("screening: the work waits: the broker has used up its maxmemory")
    assert last == "screening: the broker takes messages again"


def test_every_reason_has_words() -> None:
    """A code without a meaning is named as what Python calls it."""
    for code in broker_state.MEANINGS:
        said = broker_state.why_unavailable(redis.ResponseError(f"{code} whatever Redis adds"))
        assert said.startswith("the broker ")
        assert said.endswith(f"({code})")
    assert "OSError" in broker_state.why_unavailable(OSError())


def test_a_worker_that_celery_gives_up_ends_with_the_documented_status(tmp_path: Path) -> None:
    """Status 75 and never 0, whatever Celery met: somebody is to start it again."""
    broken = (
        "from screening.doorbell.celery_worker import PatientConsumer\n"
        "def fail(*_): raise ValueError('something nobody thought of')\n"
        f"PatientConsumer.ensure_connected = fail\n{STATION}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", broken, str(tmp_path), f"redis://127.0.0.1:{free_port()}/0", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_TIMEOUT_S,
    )
    assert ended.returncode == EXIT_DEAF
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()][-1] == "worker_ended"
