"""What was answered with success outlives a receiver that is killed."""

import json
from pathlib import Path

import pytest

from screening.domain.procedure_step import StepState
from screening.domain.reading import StudyReading
from screening.storage_scu.destination import DicomDestination
from tests.peers.ups.workstation import WORKSTATION, keys, workstation
from tests.rows.readings import add_study, entry_of
from tests.sites.site import running_site

pytestmark = pytest.mark.integration


def test_a_claim_that_was_acknowledged_outlives_the_receiver(tmp_path: Path) -> None:
    """Killed as soon as its answer is there, it is started again, and the claim is completed."""
    peers = json.dumps([{"ae_title": WORKSTATION}])
    variables = {"SCREENING_UPS_PEERS": peers}
    with running_site(tmp_path, bundle_dir=tmp_path / "none", **variables) as site:
        add_study(site.database, "1.2.3.1", "STAT")
        site.start("receive")
        site.wait_for_scp()
        peer = DicomDestination(
            "scp", "127.0.0.1", site.settings.scp_port, site.settings.ae_title, WORKSTATION
        )
        with workstation(peer) as asks:
            [match], _ = asks.find(keys())
            assert asks.change(match.SOPInstanceUID, StepState.IN_PROGRESS) == 0x0000
            site.kill("receive")
        entry = entry_of(site.database, "1.2.3.1")
        assert (entry.reading, entry.reader) == (StudyReading.CLAIMED, f"AE {WORKSTATION}")
        site.start("receive")
        site.wait_for_scp()
        with workstation(peer) as asks:
            assert asks.change(match.SOPInstanceUID, StepState.COMPLETED, "2.25.8") == 0xC301
            assert asks.change(match.SOPInstanceUID, StepState.COMPLETED) == 0x0000
        assert entry_of(site.database, "1.2.3.1").reading is StudyReading.READ
