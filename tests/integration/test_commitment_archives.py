"""Storage Commitment with archives that others wrote: Orthanc in both roles, DCMTK by query."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.settings import load_settings
from tests.peers.receiving import Receiver, radiograph, running_receiver
from tests.reports.one_report import QUICK, add_due_report, couriers, message, wait_for
from tests.rows.stored import COMPUTED_RADIOGRAPHY
from tests.services.dcmtk import running_dcmqrscp
from tests.services.orthanc import Orthanc, private_orthanc
from tests.services.programs import skip_or_fail
from tests.services.servers import ServerAbsentError, free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def site_with_orthanc(
    folder: Path, database: Database, **settings: Any
) -> Iterator[tuple[Receiver, Orthanc]]:
    """Run our SCP and an Orthanc that knows it, each knowing where the other listens."""
    port = free_port()
    ours = {"AET": "SCREENING", "Host": "127.0.0.1", "Port": port, "AllowStorageCommitment": True}
    (folder / "orthanc").mkdir()
    with contextlib.ExitStack() as stack:
        try:
            orthanc = stack.enter_context(
                private_orthanc(folder / "orthanc", modalities={"screening": ours})
            )
        except ServerAbsentError as absent:
            skip_or_fail(str(absent))
        its = {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": orthanc.dicom_port}
        told = {
            **QUICK,
            "scp_port": port,
            "commitment_peers": [its],
            "destinations": [{**its, "name": "pacs", "commitment": "storage-commitment"}],
            **settings,
        }
        yield stack.enter_context(running_receiver(folder, database, **told)), orthanc


def test_orthanc_is_told_what_we_keep(tmp_path: Path, migrated_database: Database) -> None:
    """It asks about two instances that it sent, and one that it did not."""
    with site_with_orthanc(tmp_path, migrated_database) as (receiver, orthanc):
        for number in (1, 2):
            sent = orthanc.post("/instances", radiograph(SOPInstanceUID=f"1.2.3.{number}"))
            orthanc.post("/modalities/screening/store", sent["ID"].encode())
        assert len(receiver.instances()) == 2
        asked = [[COMPUTED_RADIOGRAPHY, f"1.2.3.{number}"] for number in (1, 2, 3)]
        begun = orthanc.post("/modalities/screening/storage-commitment", {"DicomInstances": asked})
        said: dict[str, Any] = {}

        def is_answered() -> bool:
            said.update(json.loads(orthanc.get(f"/storage-commitment/{begun['ID']}")))
            return said["Status"] != "Pending"

        wait_until(is_answered, "Orthanc to have the answer", 60)
        wait_until(lambda: _state(migrated_database) == "reported", "the row", 20)
    assert said["Status"] == "Failure"
    assert {one["SOPInstanceUID"] for one in said["Success"]} == {"1.2.3.1", "1.2.3.2"}
    [failure] = said["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == ("1.2.3.3", 0x0112)


def _state(database: Database) -> str | None:
    with database.read() as session:
        return session.scalars(select(PeerCommitmentRequest.state)).one_or_none()


def test_orthanc_commits_itself_to_our_report(tmp_path: Path, migrated_database: Database) -> None:
    """It reports on an association of its own, to our SCP."""
    with site_with_orthanc(tmp_path, migrated_database) as (receiver, _):
        add_due_report(migrated_database)
        with couriers(receiver.settings, migrated_database):
            wait_for(migrated_database, "delivered", "committed")
    assert message(migrated_database) == "by storage-commitment"


def test_orthanc_that_lost_our_report_gets_it_again(
    tmp_path: Path, migrated_database: Database
) -> None:
    """It was deleted there between the delivery and the question."""
    with site_with_orthanc(tmp_path, migrated_database) as (receiver, orthanc):
        add_due_report(migrated_database, state="delivered")
        with couriers(receiver.settings, migrated_database):
            wait_for(migrated_database, "pending", "due")
        with couriers(receiver.settings, migrated_database):
            wait_for(migrated_database, "delivered", "committed")
        assert len(orthanc.instances("1.2.3.1", "SR")) == 1


@pytest.mark.parametrize("archive", ["orthanc", "dcmqrscp"])
def test_archives_are_asked_by_query(
    tmp_path: Path, migrated_database: Database, archive: str
) -> None:
    """What they list at IMAGE level is confirmed."""
    with (
        site_with_orthanc(tmp_path, migrated_database) as (receiver, orthanc),
        running_dcmqrscp(tmp_path) as dcmqrscp,
    ):
        peers = {
            "orthanc": {"port": orthanc.dicom_port, "ae_title": orthanc.ae_title},
            "dcmqrscp": {"port": dcmqrscp.port, "ae_title": dcmqrscp.ae_title},
        }
        destination = {
            **peers[archive], "name": "pacs", "host": "127.0.0.1", "commitment": "query"
        }  # fmt: skip
        destinations = load_settings(destinations=[destination]).destinations
        settings = receiver.settings.model_copy(update={"destinations": destinations})
        add_due_report(migrated_database)
        with couriers(settings, migrated_database):
            wait_for(migrated_database, "delivered", "committed")
    assert message(migrated_database) == "by query"
