"""A kind of delivery in one file, in the program's own processes: commands, and kill -9."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from screening.db.session import Database
from screening.spool.store import Spool
from tests.contract.test_outbox import add_result
from tests.peers.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.reports.deliveries import delivery, let_time_pass
from tests.sites.site import Site, wait_until

pytestmark = pytest.mark.integration
TESTS = Path(__file__).parents[1]
INSTALLED = os.pathsep.join([str(TESTS / "sites" / "webhook_installed"), str(TESTS.parent)])


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """Return a running server."""
    with webhook_receiver() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, receiver: WebhookReceiver) -> Iterator[Site]:
    """Return a site whose one destination is of a kind that only tests have."""
    hook = {"name": "hook", "kind": "post", "url": receiver.url}
    made = Site(
        tmp_path,
        bundle_dir=tmp_path / "bundles",
        PYTHONPATH=INSTALLED,
        SCREENING_SWEEP_INTERVAL_S="0.5",
        SCREENING_REPORTS_FOLDER="false",
        SCREENING_DESTINATIONS=json.dumps([hook]),
    )
    made.run("db", "upgrade")
    yield made
    made.stop()


def test_a_report_whose_sender_is_killed_before_it_records_is_sent_again(
    site: Site, receiver: WebhookReceiver
) -> None:
    """The server has it, no row says so: the next worker sends the same bytes under one key."""

    def kill_report_worker() -> None:
        site.processes["report"].kill()

    data = site.folder / "data"  # not by site.settings: this process does not know the kind
    spool = Spool(data / "spool")
    spool.prepare()
    with closing(Database(f"sqlite:///{data / 'screening.db'}")) as database:
        add_result(database, spool)
        receiver.before_answer = kill_report_worker
        site.start("report")
        wait_until(lambda: len(receiver.came) == 1, "the report")
        site.processes["report"].wait()
        receiver.before_answer = lambda: None
        assert delivery(database, "hook").state == "sending"
        let_time_pass(database)
        site.start("report")
        wait_until(lambda: delivery(database, "hook").state == "delivered", "the delivery")
        row = delivery(database, "hook")
    assert (row.attempts, row.last_status) == (2, "200")
    assert len(receiver.came) == 2
    assert len(set(receiver.came)) == 1
    lines = site.json("trace", "1.2.3.1.1.1")
    assert "made_up" in {line["detail"].get("profile") for line in lines}


def test_commands_know_it(site: Site, receiver: WebhookReceiver) -> None:
    """It is tested, listed, and its name is one of the destinations."""
    assert site.json("destinations", "test", "hook") == [
        {
            "destination": "hook",
            "what": "reachable",
            "passed": True,
            "message": f"{receiver.url} answers",
        },
        {"destination": "hook", "what": "accepted", "passed": True, "message": "status 200"},
    ]
    receiver.status = 403
    refused = site.run("destinations", "test", check=False)
    assert refused.returncode == 1
    assert "status 403" in refused.stdout
    unknown = site.run("destinations", "test", "pacs", check=False)
    assert unknown.returncode == 2
    assert "expected one of the settings, hook; found 'pacs'" in unknown.stderr
    kinds = {one["kind"]: one for one in site.json("destinations", "kinds")}
    assert list(kinds) == ["c-store", "folder", "hl7-mllp", "post", "stow-rs", "webhook"]
    assert "made_up" in kinds["post"]["profiles"]
    assert "made_up" not in kinds["c-store"]["profiles"]
    late = site.json("deliveries", "send", "--since", "1d", "--to", "hook", "--dry-run")
    assert (late["profile"], late["ready"]) == ("made_up", 0)
