"""PgBouncer in transaction pooling before PostgreSQL: the whole path, and its limits."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from screening.classify.claim import claim
from screening.classify.record import Scored, record
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.db.tables.instances import Delivery
from screening.domain.backoff import Backoff
from screening.domain.scores import ClassScores, MemberScores, combine
from screening.domain.triage import Priority, Triage
from screening.errors import DatabaseUnavailableError
from screening.renderings.structured_report.profiles import Profile
from screening.report import outbox
from screening.settings import REPORTS_FOLDER_NAME, Settings
from screening.spool.store import Spool
from tests.bundles.manifests import valid_manifest
from tests.peers.receiving import SUCCESS, radiograph, running_receiver
from tests.reports.deliveries import files, send_what_is_due
from tests.rows.stored import add_bundle, add_instance
from tests.services.programs import skip_or_fail
from tests.services.servers import (
    ServerAbsentError,
    new_postgresql_database,
    pgbouncer,
)
from tests.sites.web_app import Client, make_app

pytestmark = pytest.mark.integration
BACKOFF = Backoff(first_s=5, longest_s=600)
DESTINATIONS = {REPORTS_FOLDER_NAME: Profile.COMPREHENSIVE}
MEMBERS = [
    MemberScores(name, {"covid19": 0.9}, ClassScores(0.9, 0.05, 0.05))
    for name in ("concatenated", "coronet")
]
SCORED = Scored(combine(MEMBERS, [1.0, 1.0]), Triage(Priority.STAT, "rule", 0.9), "a" * 64, {}, {})


@contextmanager
def pooled(postgresql_url: str) -> Iterator[str]:
    """Yield the URL of a migrated database behind PgBouncer."""
    with ExitStack() as stack:
        try:
            pooler = stack.enter_context(pgbouncer(postgresql_url))
        except ServerAbsentError as absent:
            skip_or_fail(str(absent))
        direct = make_url(new_postgresql_database(postgresql_url))
        url = direct.set(port=make_url(pooler).port).render_as_string(hide_password=False)
        upgrade(url)
        yield url


def score(database: Database, bundle_id: int) -> int:
    """Claim and record until nothing is due, as a worker does; return how many."""
    done = 0
    while held := claim(database, bundle_id=bundle_id, worker="w", batch_size=3, lease_s=30):
        if not held.instances:
            return done
        results = dict.fromkeys((one.classification_id for one in held.instances), SCORED)
        record(database, held, results, BACKOFF)
        done += len(results)
    return done


def test_the_whole_path_runs_behind_a_pooler(tmp_path: Path, postgresql_url: str) -> None:
    """PgBouncer in transaction pooling: many of each statement, on whichever connection."""
    count, senders = 24, 4
    with (
        pooled(postgresql_url) as url,
        closing(Database(url)) as database,
        running_receiver(tmp_path, database) as receiver,
        ThreadPoolExecutor(senders) as threads,
    ):
        with database.write() as session:
            bundle_id = add_bundle(session, manifest=valid_manifest()).id
        objects = [radiograph(SOPInstanceUID=f"1.2.3.1.1.{number}") for number in range(count)]
        sent = threads.map(lambda some: receiver.send(*some), (objects[n::4] for n in range(4)))
        assert {answer.status for answers in sent for answer in answers} == {SUCCESS}
        assert sum(threads.map(lambda _: score(database, bundle_id), range(senders))) == count
        spool = Spool(receiver.settings.spool_dir)
        while outbox.make_due_reports(database, spool, DESTINATIONS):
            pass
        folder = files(tmp_path / "reports", REPORTS_FOLDER_NAME)
        send_what_is_due(database, tmp_path, folder)
        with database.read() as session:
            states = session.scalars(select(Delivery.state)).all()
        assert list(states) == ["delivered"] * count
        assert len(list((tmp_path / "reports").rglob("*.dcm"))) == count
        page = Client(make_app(database, Settings(data_dir=tmp_path)))
        for _ in range(6):
            assert {
                page.get(path).status_code for path in ("/", "/metrics", "/api/v1/worklist")
            } == {200}


def test_a_transaction_left_open_behind_a_pooler_ends(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit goes with each transaction, since its connection is anybody's."""
    monkeypatch.setattr("screening.db.session.IDLE_TRANSACTION_TIMEOUT_S", 1)
    with pooled(postgresql_url) as url, closing(Database(url)) as database:
        with pytest.raises(DatabaseUnavailableError):
            _leave_open(database)
        with database.write() as session:
            add_instance(session, "1.2.3")
        limit = "SHOW idle_in_transaction_session_timeout"
        with create_engine(url, poolclass=NullPool).connect() as anybody:
            assert anybody.scalar(text(limit)) == "0"  # and stays on no connection


def _leave_open(database: Database) -> None:
    with database.write() as session:
        add_instance(session, "1.2.3")
        time.sleep(2.5)
        add_instance(session, "1.2.3")


def test_senders_share_the_pooler(tmp_path: Path, postgresql_url: str) -> None:
    """More transactions at once than the pooler has connections: they wait, none is refused."""
    senders = 10
    together = Barrier(senders, timeout=30)
    with (
        pooled(postgresql_url) as url,
        closing(Database(url)) as database,
        running_receiver(tmp_path, database) as receiver,
    ):

        def send(number: int) -> int | None:
            with receiver.sender() as store:
                together.wait()
                return store(radiograph(SOPInstanceUID=f"1.2.3.9.{number}")).status

        with ThreadPoolExecutor(senders) as threads:
            assert list(threads.map(send, range(senders))) == [SUCCESS] * senders
