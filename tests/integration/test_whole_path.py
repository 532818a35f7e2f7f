"""One image all the way, on real parts: storescu, SCP, broker, worker, database, SR, Orthanc."""

import contextlib
import io
import json
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.tables.instances import Classification, Delivery, Report
from tests.services.orthanc import Orthanc
from tests.services.programs import program
from tests.services.servers import free_port, new_postgresql_database
from tests.sites.site import Site, running_site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
STATIONS = ("receive", "classify", "report")


def texts(item: Dataset) -> list[str]:
    """Return every text, code meaning and number below an SR content item."""
    found = []
    for child in item.get("ContentSequence", []):
        if "TextValue" in child:
            found.append(str(child.TextValue))
        if "ConceptCodeSequence" in child:
            found.append(str(child.ConceptCodeSequence[0].CodeMeaning))
        if "MeasuredValueSequence" in child:
            found.append(str(child.MeasuredValueSequence[0].NumericValue))
        found += texts(child)
    return found


def dciodvfy_errors(folder: Path, encoded: bytes) -> list[str]:
    """Return what dciodvfy calls an error in a DICOM file."""
    path = folder / "report.dcm"
    path.write_bytes(encoded)
    checked = subprocess.run(
        [program("dciodvfy"), str(path)], check=False, capture_output=True, text=True, timeout=60
    )
    return [line for line in checked.stderr.splitlines() if line.startswith("Error")]


def test_an_image_goes_from_storescu_to_a_report_in_orthanc_by_redis_and_postgresql(
    tmp_path: Path,
    bundle_dir: Path,
    chest_radiograph: Path,
    orthanc: Orthanc,
    redis_url: str,
    postgresql_url: str,
) -> None:
    """A real CR ends as a valid SR in the study of the image, with scores, priority and bundle."""
    with running_site(
        tmp_path,
        bundle_dir=bundle_dir,
        SCREENING_BROKER_URL=redis_url,
        SCREENING_DATABASE_URL=new_postgresql_database(postgresql_url),
        SCREENING_DESTINATIONS=json.dumps([orthanc.destination()]),
    ) as site:
        site.run("bundles", "activate", "untrained", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        sent = site.storescu([chest_radiograph], "-xw")  # JPEG 2000 lossy, as the file is
        assert sent.returncode == 0, sent.stderr
        ledger = site.wait_until_settled()
        assert (ledger["received"], ledger["classified"], ledger["adds_up"]) == (1, 1, True)
        image = pydicom.dcmread(chest_radiograph, stop_before_pixels=True)
        (encoded,) = orthanc.instances(str(image.StudyInstanceUID), "SR")
        assert dciodvfy_errors(tmp_path, encoded) == []
        report = pydicom.dcmread(io.BytesIO(encoded))
        with contextlib.closing(site.database) as database, database.read() as session:
            row = session.scalars(select(Classification)).one()
            said = texts(report)
            assert report.PatientID == image.PatientID
            for score in (row.covid19, row.pneumonia, row.normal):
                assert any(abs(float(number) / 100 - score) < 1e-3 for number in numbers(said))
            for member in row.member_scores.values():
                for score in member["calibrated"].values():
                    assert any(abs(float(n) / 100 - score) < 1e-3 for n in numbers(said))
            assert any("UNTRAINED" in text for text in said)
            assert any(row.priority_rule in text for text in said)
            assert any("untrained" in text for text in said)
            source = report.CurrentRequestedProcedureEvidenceSequence[0]
            referenced = source.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
            assert referenced.ReferencedSOPInstanceUID == image.SOPInstanceUID
            stored = session.scalars(select(Report)).one()
            assert stored.sop_instance_uid == report.SOPInstanceUID
        worklist = site.json("worklist")
        assert [entry["study_instance_uid"] for entry in worklist] == [image.StudyInstanceUID]
        kinds = [line["kind"] for line in site.json("trace", str(image.SOPInstanceUID))]
        for kind in ("instance_received", "instance_classified", "report_made"):
            assert kind in kinds
        again = site.storescu([chest_radiograph], "-xw")
        assert again.returncode == 0
        assert site.wait_until_settled()["received"] == 1
        assert len(orthanc.instances(str(image.StudyInstanceUID), "SR")) == 1


def numbers(said: list[str]) -> list[str]:
    """Return the texts that are numbers."""
    return [text for text in said if text.replace(".", "", 1).isdigit()]


def test_up_once_screens_a_folder_of_every_kind_of_file(tmp_path: Path, data_dir: Path) -> None:
    """With the released ensemble each real file is refused with a reason or ends in a state."""
    site = Site(tmp_path, bundle_dir=tmp_path)
    done = site.run("up", "--once", "--send", data_dir / "dicom")
    assert "covid19-cxr" in done.stdout
    assert "UNTRAINED" not in done.stdout
    ledger = site.json("ledger")
    assert ledger["adds_up"]
    assert ledger["pending"] == ledger["failed"] == 0
    assert ledger["classified"] >= 5
    assert {"state": "not_applicable", "reason": "not_chest"} in [
        {key: entry[key] for key in ("state", "reason")} for entry in ledger["reasons"]
    ]
    reports = list((tmp_path / "data" / "reports").rglob("*.dcm"))
    assert len(reports) == ledger["classified"]
    assert "ended with" not in done.stderr


def test_a_second_start_goes_on_where_the_first_was(
    tmp_path: Path, bundle_dir: Path, phantoms: list[Path]
) -> None:
    """What was accepted while no worker ran is classified and reported by the next start."""
    with running_site(tmp_path, bundle_dir=bundle_dir) as site:
        site.start("receive")
        site.wait_for_scp()
        site.send(phantoms[:3])
        site.stop()
        assert site.json("ledger")["pending"] == 3
        site.run("up", "--once")
        ledger = site.json("ledger")
        assert (ledger["classified"], ledger["pending"]) == (3, 0)


def test_a_newer_bundles_report_names_the_older_as_its_predecessor(
    tmp_path: Path, thin_bundle_dir: Path, phantoms: list[Path]
) -> None:
    """Reprocess adds one result and one report an instance, and repeating it adds nothing."""
    bundles = tmp_path / "bundles"
    shutil.copytree(thin_bundle_dir / "untrained", bundles / "untrained")
    newer = bundles / "newer"
    shutil.copytree(thin_bundle_dir / "untrained", newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps({**manifest, "version": "1"}))
    with running_site(tmp_path, bundle_dir=bundles) as site:
        site.run("bundles", "activate", "untrained@0", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        site.send(phantoms[:1])
        site.wait_until_settled()
        site.run("bundles", "activate", "untrained@1", "--yes")
        plan = site.json("reprocess", "--since", "1d", "--dry-run")
        assert (plan["received"], plan["to_do"]) == (1, 1)
        site.run("reprocess", "--since", "1d", "--yes")
        site.wait_until_settled()
        site.run("reprocess", "--since", "1d", "--yes")
        site.wait_until_settled()
        assert site.json("ledger")["received"] == 1
        with contextlib.closing(site.database) as database, database.read() as session:
            older, newer_report = session.scalars(select(Report).order_by(Report.id))
            content = pydicom.dcmread(io.BytesIO(newer_report.content))
            assert newer_report.predecessor_id == older.id
            assert dciodvfy_errors(tmp_path, newer_report.content) == []
        (study,) = content.PredecessorDocumentsSequence
        named = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert named.ReferencedSOPInstanceUID == older.sop_instance_uid


def test_a_destination_that_comes_back_gets_each_report_once(
    tmp_path: Path, thin_bundle_dir: Path, phantoms: list[Path]
) -> None:
    """While a destination is down the folder is served; once it is up it gets what waited."""
    port = free_port()
    peer = {"name": "pacs", "host": "127.0.0.1", "port": port, "ae_title": "STORESCP"}
    with running_site(
        tmp_path,
        bundle_dir=thin_bundle_dir,
        SCREENING_DESTINATIONS=json.dumps([peer]),
        SCREENING_RETRY_FIRST_S="0.5",
        SCREENING_RETRY_LONGEST_S="2",
        SCREENING_SWEEP_INTERVAL_S="1",
    ) as site:
        site.run("bundles", "activate", "untrained", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        site.send(phantoms[:2])
        folder = tmp_path / "data" / "reports"
        wait_until(lambda: len(list(folder.rglob("*.dcm"))) == 2, "the folder to be served")
        with contextlib.closing(site.database) as database, database.read() as session:
            waiting = session.scalars(select(Delivery).where(Delivery.destination == "pacs")).all()
            assert {delivery.state for delivery in waiting} <= {"pending", "sending"}
        received = tmp_path / "received"
        received.mkdir()
        command = ["storescp", "--output-directory", str(received), "--aetitle", "STORESCP"]
        with subprocess.Popen([*command, "+uf", str(port)]) as peer_process:
            try:
                site.wait_until_settled()
            finally:
                peer_process.terminate()
        assert len(list(received.iterdir())) == 2
