"""Real archives take every kind of report we send."""

import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.scu import send_objects
from tests.reports.samples import content, header
from tests.services.dcmtk import running_dcmqrscp
from tests.services.orthanc import Orthanc

pytestmark = pytest.mark.integration


def reports() -> list[bytes]:
    """Return one report of each profile on the same image."""
    return [build_report(header(), content(), profile).encoded for profile in Profile]


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[DicomDestination]:
    """Run DCMTK's query/retrieve SCP with one storage area."""
    with running_dcmqrscp(tmp_path) as peer:
        yield peer


def test_dcmqrscp_takes_every_profile(dcmqrscp: DicomDestination, tmp_path: Path) -> None:
    """Each report is answered with Success and filed."""
    results = list(send_objects(dcmqrscp, reports()))
    assert [(r.outcome, r.status) for r in results] == [(Outcome.DELIVERED, 0)] * len(Profile)
    filed = [pydicom.dcmread(path) for path in (tmp_path / "area").glob("SR*")]
    assert len({report.SOPInstanceUID for report in filed}) == len(Profile)


def test_orthanc_takes_every_profile_and_gives_the_same_content_back(orthanc: Orthanc) -> None:
    """Each report is found in the study of its image, with nothing changed."""
    destination = DicomDestination(
        "orthanc", "127.0.0.1", orthanc.dicom_port, orthanc.ae_title, "SCREENING"
    )
    sent = reports()
    results = list(send_objects(destination, sent))
    assert [(r.outcome, r.status) for r in results] == [(Outcome.DELIVERED, 0)] * len(Profile)
    back = orthanc.instances(str(header().StudyInstanceUID), "SR")
    expected = {report.SOPInstanceUID: report for report in map(_parsed, sent)}
    assert len(back) == len(expected)
    for encoded in back:
        report = _parsed(encoded)
        assert report == expected[report.SOPInstanceUID]


def test_orthanc_shows_when_the_series_of_reports_began(orthanc: Orthanc) -> None:
    """Its list of series shows "?" for one without Series Date."""
    destination = DicomDestination(
        "orthanc", "127.0.0.1", orthanc.dicom_port, orthanc.ae_title, "SCREENING"
    )
    [sent] = send_objects(destination, reports()[:1])
    assert sent.outcome is Outcome.DELIVERED
    query = {"Level": "Series", "Query": {"Modality": "SR"}, "Expand": True}
    shown = [series["MainDicomTags"] for series in orthanc.post("/tools/find", query)]
    assert {(tags["SeriesDate"], tags["SeriesTime"]) for tags in shown} == {("20260301", "140015")}


def _parsed(encoded: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(encoded))
