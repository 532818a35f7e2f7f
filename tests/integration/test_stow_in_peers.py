"""Images by STOW-RS from programs of others and our own, and to a service that is killed."""

import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from screening.db.session import Database
from screening.delivery.kind import Ending, StoredReport
from screening.spool.store import Spool
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import identify
from tests.peers.receiving import radiograph
from tests.reports.deliveries import make_reports
from tests.reports.over_http import over_http, secret, send
from tests.services.orthanc import Orthanc
from tests.services.servers import ServerAbsentError, free_port
from tests.sites.site import running_site, wait_until
from tests.sites.stow_service import StowReceiver, head_of, multipart, running_stow_receiver

pytestmark = pytest.mark.integration
TOKEN = "0123456789abcdef" * 2
STUDY = "1.2.3.77"


@pytest.fixture
def clients(tmp_path: Path) -> list[dict[str, Any]]:
    """Return the setting that lets one client send."""
    return [{"ae_title": "CLINIC", "token_file": secret(tmp_path, TOKEN)}]


def test_orthanc_sends_a_study(
    orthanc: Orthanc, tmp_path: Path, migrated_database: Database, clients: list[dict[str, Any]]
) -> None:
    """Its DICOMweb plug-in takes our answer, and is told where its password is another's."""
    try:
        assert orthanc.dicomweb_url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    sent = [
        radiograph(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.{number}", side=300)
        for number in range(3)
    ]
    [study] = {orthanc.post("/instances", one)["ParentStudy"] for one in sent}
    with running_stow_receiver(tmp_path, migrated_database, stow_clients=clients) as stow:
        url = f"{stow.url}/"
        with pytest.raises(urllib.error.HTTPError):
            orthanc.stow(url, user="CLINIC", password=TOKEN[::-1], study=study)
        assert stow.instances() == []
        for _ in range(2):
            orthanc.stow(url, user="CLINIC", password=TOKEN, study=study)
        assert sorted(row.sop_instance_uid for row in stow.instances()) == [
            f"{STUDY}.{number}" for number in range(3)
        ]
        assert {row.calling_ae_title for row in stow.instances()} == {"CLINIC"}


def test_our_own_deliveries_are_taken(
    tmp_path: Path, migrated_database: Database, clients: list[dict[str, Any]]
) -> None:
    """With a bearer token; a SOP class that is not received is parked as refused."""
    [encoded] = make_reports(1)
    named = identify(encoded)
    made_at = datetime(2026, 3, 1, tzinfo=UTC)
    report = StoredReport(named.sop_instance_uid, named.sop_class_uid, made_at, encoded)
    entry = {"authentication": "bearer", "token_file": clients[0]["token_file"]}
    for extra, ending in (((), Ending.REFUSED), ((named.sop_class_uid,), Ending.DELIVERED)):
        with running_stow_receiver(
            tmp_path, migrated_database, stow_clients=clients, extra_sop_classes=extra
        ) as stow:
            assert send(over_http("stow-rs", stow.url, None, **entry), report).ending is ending
            kept = [row.sop_instance_uid for row in stow.instances()]
            assert kept == ([named.sop_instance_uid] if extra else [])


def test_what_was_answered_outlives_a_killed_service_and_half_an_object_does_not(
    tmp_path: Path,
) -> None:
    """Kill -9 in mid-object: what was stored is there, the rest goes with the next start.

    Also while the SCP receives into the same spool.
    """
    variables = {"SCREENING_STOW_PORT": str(free_port())}
    with (
        running_site(tmp_path, bundle_dir=tmp_path / "none", **variables) as site,
        Spool(site.settings.spool_dir).receiving(),
    ):
        peer = DicomDestination("stow", "127.0.0.1", site.settings.stow_port or 0, "", "")
        stow = StowReceiver(site.settings, site.database, peer)

        def start() -> None:
            site.start("stow")
            wait_until(lambda: _answers(stow), "the service")

        start()
        assert stow.store(radiograph()).status == 200
        large = multipart([radiograph(side=900, SOPInstanceUID="1.2.3.9")])
        with stow.connect() as connection:
            connection.sendall(head_of(len(large)) + large[:-2000])
            wait_until(lambda: bool(stow.incoming()), "half a file", 20)
            site.kill("stow")
        assert len(stow.incoming()) == 1
        start()
        assert stow.incoming() == []
        assert len(stow.instances()) == len(stow.kept()) == 1
        assert stow.post(large).status == 200


def _answers(stow: StowReceiver) -> bool:
    try:
        with urllib.request.urlopen(f"{stow.url}/healthz", timeout=2):
            return True
    except OSError:
        return False
