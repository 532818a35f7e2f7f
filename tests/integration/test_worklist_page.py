"""The worklist page as a process of its own, and what it reads on PostgreSQL."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.ops.ledger import read_ledger
from screening.ops.trace import trace
from screening.worklist.studies.ordering import read_worklist
from tests.rows.stored import (
    NOON,
    add_bundle,
    add_classification,
    add_event,
    add_instance,
    add_report,
    add_score,
)
from tests.services.servers import free_port, new_postgresql_database

pytestmark = pytest.mark.integration
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
PAGE_PROCESS = """
import sys
from screening.cli.main import app
app(["run", "web"], standalone_mode=False)
print("stopped", "tensorflow" in sys.modules)
"""


def _fill(database: Database) -> None:
    with database.write() as session:
        bundle = add_bundle(session)
        for number, (priority, covid19) in enumerate((("LOW", 0.1), ("STAT", 0.9), ("STAT", 0.95))):
            instance = add_instance(session, f"1.2.{number}", patient_id=f"SECRET-{number}")
            add_event(session, instance, "instance_received", at=NOON, calling_ae_title="CR")
            result = add_score(session, instance, bundle, priority=priority, covid19=covid19)
            add_report(session, result, pacs="delivered", folder="pending")
        failed = add_instance(session, "1.2.8")
        add_classification(session, failed, state="failed", reason="undecodable_pixels")
        later = {"received_at": NOON + timedelta(minutes=1)}
        partly = add_instance(session, "1.2.9", **later)
        add_score(session, partly, bundle, priority="LOW", covid19=0.2)
        add_instance(session, "1.2.9", **later)


@contextlib.contextmanager
def _page(data_dir: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", PAGE_PROCESS]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SCREENING_")}
    environment |= {"SCREENING_DATA_DIR": str(data_dir), "SCREENING_WEB_PORT": str(port)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{address}/healthz")
            return
        time.sleep(0.1)
    pytest.fail("the page's process did not answer")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_stops_cleanly_and_logs_no_patient(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The page answers, a signal ends it with exit status 0, and the log names no patient."""
    url = f"sqlite:///{tmp_path / 'screening.db'}"
    upgrade(url)
    database = Database(url)
    _fill(database)
    database.close()
    port = free_port()
    with _page(tmp_path, port) as process:
        _wait_for(f"http://127.0.0.1:{port}", process)
        page = httpx.get(f"http://127.0.0.1:{port}/")
        httpx.get(f"http://127.0.0.1:{port}/studies/1.2.1")
        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_TIMEOUT_S)
    assert "SECRET-1" in page.text
    assert process.returncode == 0
    assert "stopped False" in output
    assert "SECRET" not in output
    assert "1.2.1" not in output


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """The second process on one port does not start, and says why."""
    upgrade(f"sqlite:///{tmp_path / 'screening.db'}")
    port = free_port()
    with _page(tmp_path, port) as first:
        _wait_for(f"http://127.0.0.1:{port}", first)
        with _page(tmp_path, port) as second:
            output, _ = second.communicate(timeout=START_TIMEOUT_S)
    assert "web_host, web_port: expected an address to listen on" in output


def test_postgresql_gives_the_same_answers_as_sqlite(
    migrated_database: Database, postgresql_url: str
) -> None:
    """Order (scores that are absent last), ledger and trace do not depend on the engine."""
    url = new_postgresql_database(postgresql_url)
    upgrade(url)
    server = Database(url)
    for database in (migrated_database, server):
        _fill(database)
    listed = [read_worklist(database).entries for database in (migrated_database, server)]
    assert [entry.study_instance_uid for entry in listed[1]] == [
        "1.2.2", "1.2.1", "1.2.9", "1.2.8", "1.2.0",
    ]  # fmt: skip
    seen = [
        [(e.priority, e.covid19, e.report, e.received_at) for e in entries] for entries in listed
    ]
    assert seen[0] == seen[1]
    assert read_ledger(server) == read_ledger(migrated_database)
    assert read_ledger(server).adds_up
    told = [
        [(line.at, line.kind) for line in trace(database, "1.2.1")]
        for database in (migrated_database, server)
    ]
    assert told[0] == told[1]
    assert told[0]
    server.close()
