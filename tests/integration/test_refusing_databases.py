"""PostgreSQL that refuses: the modality comes again, stations wait and say why, the page is 503."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from screening.classify.claim import claim
from screening.db.failures import SQLSTATES, Consequence
from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError
from screening.ops.retention_timer import running_retention
from screening.receive.commitment_scp.requests import claim_request
from screening.renderings.structured_report.profiles import Profile
from screening.report import outbox
from screening.report.commitment_scu.transactions import add_commitments
from screening.report.deliveries import claim_deliveries
from screening.settings import Settings
from screening.spool.store import Spool
from tests.peers.receiving import SUCCESS, radiograph, running_receiver
from tests.rows.stored import add_bundle, add_classification, add_instance, add_report, add_score
from tests.services.failing_databases import FAULTS, Site, new_site, read_only, refusing_with
from tests.sites.site import wait_until
from tests.sites.web_app import Client, make_app

pytestmark = pytest.mark.integration
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
WAITING = ["08006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01"]
WAITING += ["57P02", "57P03", "58030", "25006", "42501", "42P01", "P0001", "XX001", "HV000"]
WAITING += ["23514", "42601"]
PAGES = ["/", "/board", "/api/v1/worklist", "/metrics", "/studies/1.2.0"]
NEXT = "1.2.3.1.1.2"


@pytest.fixture
def site(postgresql_url: str) -> Site:
    """Return a database of its own."""
    return new_site(postgresql_url)


@contextmanager
def opened(site: Site) -> Iterator[Database]:
    """Open it as a station does, with work waiting at each hop."""
    with closing(Database(site.url)) as database:
        with database.write() as session:
            bundle = add_bundle(session)
            add_classification(session, add_instance(session, "1.2.0"))
            scored = add_score(
                session, add_instance(session, "1.2.0"), bundle, priority="LOW", covid19=0.1
            )
            add_report(session, scored, pacs="pending", archive="delivered")
        yield database


def hops(database: Database, folder: Path) -> list[Callable[[], Any]]:
    """Return what each station does first, and what it does last."""
    spool = Spool(folder / "spool")
    return [
        lambda: claim(database, bundle_id=1, worker="w", batch_size=8, lease_s=30),
        lambda: claim_deliveries(database, "pacs"),
        lambda: add_commitments(database, "archive", within=None),
        lambda: written_with_patience(
            lambda: _ignore(claim_request(database, "CR1")), patience_s=0
        ),
        lambda: outbox.make_due_reports(database, spool, {"pacs": Profile.COMPREHENSIVE}),
    ]


def _ignore(_: object) -> None:
    """Take what is returned."""


@pytest.mark.parametrize("fault", FAULTS)
def test_each_hop_waits_says_why_and_goes_on(
    site: Site, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is: 0xA700, no attempt counted, no report given up; then all is as before."""
    with opened(site) as database, running_receiver(tmp_path, database) as receiver:
        page = Client(make_app(database, Settings(data_dir=tmp_path)))
        with FAULTS[fault](site):
            [answer] = receiver.send(radiograph(SOPInstanceUID=NEXT))
            assert answer.status == OUT_OF_RESOURCES
            assert answer.error_comment == "database unavailable, send again later"
            reasons = [_reason_of(hop) for hop in hops(database, tmp_path)]
            pages = [page.get(path).status_code for path in PAGES]
        assert [reason for reason in reasons if reason and fault not in reason] == []
        if fault == "25006":  # what only reads goes on
            assert all(reasons[:2])
            assert set(pages) == {200}
        else:
            assert all(reasons)
            assert set(pages) <= {503, *([200] if fault == "42703" else [])}
            assert 503 in pages
        # a connection of before may still be there for one refusal, and goes with it
        tries = [receiver.send(radiograph(SOPInstanceUID=NEXT))[0].status for _ in range(2)]
        assert tries[-1] == SUCCESS
        held = claim(database, bundle_id=1, worker="w", batch_size=8, lease_s=30)
        assert [one.attempt for one in held.instances] == [1, 1]
        assert len(claim_deliveries(database, "pacs")) == 1
        # figures that are kept for a moment may be those of the fault
        wait_until(lambda: {page.get(path).status_code for path in PAGES} == {200}, "the pages")
    assert "Traceback" not in capsys.readouterr().out


def _reason_of(hop: Callable[[], Any]) -> str:
    try:
        hop()
    except DatabaseUnavailableError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("sqlstate", [*WAITING, "22001", "22021"])
def test_what_a_modality_is_told_of_each_error(site: Site, tmp_path: Path, sqlstate: str) -> None:
    """Only a value of the object itself is a reason not to come again; no value is in the log."""
    expected = CANNOT_UNDERSTAND if sqlstate.startswith("22") else OUT_OF_RESOURCES
    with closing(Database(site.url)) as database, running_receiver(tmp_path, database) as receiver:
        with refusing_with(site, sqlstate), receiver.sender() as send:
            answers = [send(radiograph()), send(radiograph(SOPInstanceUID=NEXT))]
        assert [answer.status for answer in answers] == [expected] * 2
        assert receiver.send(radiograph())[0].status == SUCCESS
        told = [event.detail for event in receiver.events() if event.kind == "instance_refused"]
    assert [one["status"] for one in told] == [f"0x{expected:04X}"] * 2
    assert "Doe" not in str(told)


def test_every_error_of_the_table_has_words() -> None:
    """What stations and modalities wait for is told in words; codes are SQLSTATEs or classes."""
    for state, failure in SQLSTATES.items():
        assert re.fullmatch(r"[0-9A-Z]{2}([0-9A-Z]{3})?", state)
        assert failure.found or failure.consequence is Consequence.DEFECT


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_text_that_postgresql_refuses_costs_no_association(site: Site, tmp_path: Path) -> None:
    """A NUL in a UID, a name and the calling AE title: the next object is stored."""
    with closing(Database(site.url)) as database, running_receiver(tmp_path, database) as receiver:
        nul = radiograph().replace(b"1.2.3.1.1.1", b"1.2.3.1\x001.1")
        name = radiograph(SOPInstanceUID=NEXT).replace(b"Doe^Jane", b"Doe\x00Jane")
        with receiver.sender() as send:
            answers = [send(nul), send(name), send(radiograph(SOPInstanceUID=f"{NEXT}.3"))]
        assert answers[0].status is not None
        assert answers[0].status & 0xFF00 in {0xA900, 0xC000}
        assert [answer.status for answer in answers[1:]] == [SUCCESS] * 2
        assert all("\0" not in row.patient_name for row in receiver.instances())


@pytest.mark.parametrize("fault", ["42501", "25006"])
def test_retention_waits_too(
    site: Site, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its thread goes on, and nothing is removed."""
    with opened(site) as database, FAULTS[fault](site):
        settings = Settings(data_dir=tmp_path, retention_days=0.001)
        with running_retention(settings, database, interval_s=0.05):
            pass
    assert "Traceback" not in capsys.readouterr().out


def test_connections_to_what_became_read_only_are_dropped(site: Site) -> None:
    """All of the pool, with the first that is refused: the next try may reach another server."""
    with opened(site) as database:
        with database.read(), database.read(), database.read():
            pass
        with read_only(site), pytest.raises(DatabaseUnavailableError, match="takes no writes"):
            claim_deliveries(database, "pacs")
        # nothing cuts the connections now: that they are gone is our doing
        assert len(claim_deliveries(database, "pacs")) == 1
