"""A primary that goes, and a standby that takes over: the stations follow, or wait."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from signal import SIGKILL

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from screening.classify.claim import claim
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError
from screening.settings import Settings
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver
from tests.services.programs import skip_or_fail
from tests.services.servers import (
    PrivateServer,
    ServerAbsentError,
    postgresql_server,
    postgresql_standby,
)
from tests.sites.site import wait_until
from tests.sites.web_app import Client, make_app

pytestmark = pytest.mark.integration
OUT_OF_RESOURCES = 0xA700
NEXT = "1.2.3.1.1.2"


@pytest.fixture
def servers() -> Iterator[tuple[PrivateServer, PrivateServer]]:
    """Run a primary, with a migrated database, and a hot standby of it."""
    with ExitStack() as stack:
        try:
            primary = stack.enter_context(postgresql_server())
            upgrade(primary.url)
            standby = stack.enter_context(postgresql_standby(primary.url))
        except ServerAbsentError as absent:
            skip_or_fail(str(absent))
        yield primary, standby


def run(url: str, statement: str) -> object:
    """Run one statement and return its first value."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        value = result.scalar() if result.returns_rows else None
    engine.dispose()
    return value


def either(*servers: PrivateServer) -> str:
    """Return the URL that finds whichever of the servers takes writes."""
    hosts = "&".join(f"host=127.0.0.1:{make_url(server.url).port}" for server in servers)
    return f"postgresql+psycopg://postgres@/postgres?{hosts}&target_session_attrs=read-write"


def let_catch_up(primary: PrivateServer, standby: PrivateServer) -> None:
    """Wait until the standby has what the primary has written."""
    written = run(primary.url, "SELECT pg_current_wal_flush_lsn()")
    reached = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
    wait_until(lambda: bool(run(standby.url, reached)), "the standby")


def promote(standby: PrivateServer) -> None:
    """Make the standby a primary."""
    assert run(standby.url, "SELECT pg_promote()") is True


def send_until_stored(receiver: Receiver, uid: str) -> list[int | None]:
    """Send an object again and again as a modality does; return the statuses."""
    statuses: list[int | None] = []
    wait_until(
        lambda: (
            statuses.append(receiver.send(radiograph(SOPInstanceUID=uid))[0].status)
            or statuses[-1] == SUCCESS
        ),
        "Success",
    )
    return statuses


def test_a_standby_asks_for_patience_until_it_is_promoted(
    tmp_path: Path, servers: tuple[PrivateServer, PrivateServer]
) -> None:
    """A site whose database answers, but takes no writes: 0xA700, read pages, then as before."""
    primary, standby = servers
    let_catch_up(primary, standby)
    with closing(Database(standby.url)) as database, running_receiver(tmp_path, database) as scp:
        page = Client(make_app(database, Settings(data_dir=tmp_path)))
        with scp.sender() as send:
            refused = [send(radiograph()), send(radiograph(SOPInstanceUID=NEXT))]
            assert [answer.status for answer in refused] == [OUT_OF_RESOURCES] * 2
            assert page.get("/").status_code == 200
            with pytest.raises(DatabaseUnavailableError, match=r"takes no writes \(25006\)"):
                claim(database, bundle_id=1, worker="w", batch_size=1, lease_s=30)
            promote(standby)
            assert send(radiograph()).status == SUCCESS


def test_a_site_that_names_both_servers_follows_the_primary(
    tmp_path: Path, servers: tuple[PrivateServer, PrivateServer]
) -> None:
    """The primary is killed, the standby promoted: nothing is restarted, nothing is lost."""
    primary, standby = servers
    url = either(primary, standby)
    with closing(Database(url)) as database, running_receiver(tmp_path, database) as receiver:
        assert receiver.send(radiograph())[0].status == SUCCESS
        let_catch_up(primary, standby)
        primary.stop(SIGKILL)
        assert receiver.send(radiograph(SOPInstanceUID=NEXT))[0].status == OUT_OF_RESOURCES
        promote(standby)
        send_until_stored(receiver, NEXT)
        assert len(receiver.instances()) == 2


def test_a_primary_that_turns_read_only_is_left_at_once(
    tmp_path: Path, servers: tuple[PrivateServer, PrivateServer]
) -> None:
    """It goes on answering, on connections that are open: the first refusal leads to the other."""
    primary, standby = servers
    url = either(primary, standby)
    with closing(Database(url)) as database, running_receiver(tmp_path, database) as receiver:
        assert receiver.send(radiograph())[0].status == SUCCESS
        let_catch_up(primary, standby)
        promote(standby)
        run(primary.url, "ALTER SYSTEM SET default_transaction_read_only = on")
        run(primary.url, "SELECT pg_reload_conf()")
        wait_until(
            lambda: run(primary.url, "SHOW default_transaction_read_only") == "on", "read-only"
        )
        statuses = send_until_stored(receiver, NEXT)
        assert set(statuses[:-1]) <= {OUT_OF_RESOURCES}
        assert len(statuses) <= 3
        with database.read() as session:
            assert session.execute(text("SHOW port")).scalar() == str(make_url(standby.url).port)
