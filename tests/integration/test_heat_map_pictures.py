"""Pictures of heat-maps, judged by a validator and taken by a real archive."""

import io
import subprocess
from pathlib import Path

import pydicom
import pytest

from screening.delivery.rendering import RENDERINGS
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.scu import send_objects
from tests.reports.heat_maps import content_with_heat_maps
from tests.reports.samples import header
from tests.services.orthanc import Orthanc
from tests.services.programs import program

pytestmark = pytest.mark.integration


def picture(*, trained: bool = True) -> bytes:
    """Return a picture as it is sent."""
    said = content_with_heat_maps(trained=trained)
    return RENDERINGS.named("heat_map").render(header(), said).encoded


@pytest.mark.parametrize("trained", [True, False])
def test_dciodvfy_finds_no_error(tmp_path: Path, *, trained: bool) -> None:
    """Nor a warning."""
    path = tmp_path / "picture.dcm"
    path.write_bytes(picture(trained=trained))
    said = subprocess.run(
        [program("dciodvfy"), str(path)], check=False, capture_output=True, text=True, timeout=60
    )
    lines = (said.stdout + said.stderr).splitlines()
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []


def test_orthanc_takes_it_into_the_study_of_its_image(orthanc: Orthanc) -> None:
    """In a series of its own, with nothing changed."""
    destination = DicomDestination(
        "orthanc", "127.0.0.1", orthanc.dicom_port, orthanc.ae_title, "SCREENING"
    )
    [sent] = send_objects(destination, [picture()])
    assert (sent.outcome, sent.status) == (Outcome.DELIVERED, 0)
    [back] = orthanc.instances(str(header().StudyInstanceUID), "OT")
    assert pydicom.dcmread(io.BytesIO(back)) == pydicom.dcmread(io.BytesIO(picture()))
