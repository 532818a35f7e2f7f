"""Corrections and roll backs on real processes, with DCMTK's senders and readers."""

import contextlib
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.tables.instances import Bundle, Classification, Instance, Report
from screening.domain.lifecycle import CorrectionState
from tests.integration.test_whole_path import STATIONS, dciodvfy_errors
from tests.services.programs import program
from tests.sites.site import Site, running_site

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]


def changed(source: Path, file: Path, **attributes: str) -> Path:
    """Write a copy of a DICOM file with other attributes and a private element."""
    data_set = pydicom.dcmread(source)
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    data_set.private_block(0x0009, "ROUTER", create=True).add_new(0x01, "LO", file.stem)
    data_set.save_as(file, enforce_file_format=True)
    return file


def encoded_by(tool: str, source: Path, file: Path) -> Path:
    """Have one of DCMTK's programs write a file in another transfer syntax."""
    subprocess.run([program(tool), str(source), str(file)], check=True, timeout=60)
    return file


def reports(site: Site) -> list[bytes]:
    """Return every report, oldest first."""
    with contextlib.closing(site.database) as database, database.read() as session:
        return list(session.scalars(select(Report.content).order_by(Report.id)))


def read(folder: Path, content: bytes) -> tuple[Dataset, str]:
    """Return a report as pydicom reads it and as dsrdump prints it."""
    path = folder / "report.dcm"
    path.write_bytes(content)
    dumped = subprocess.run(
        [program("dsrdump"), "--verbose", "+Pl", str(path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return pydicom.dcmread(path), dumped.stdout


def predecessor_of(report: Dataset) -> str:
    """Return the SOP Instance UID of a report's predecessor."""
    [study] = report.PredecessorDocumentsSequence
    return str(study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def test_a_corrected_resend_is_decided_and_reencoded_ones_are_recognised(
    tmp_path: Path, thin_bundle_dir: Path, phantoms: list[Path]
) -> None:
    """Of five objects under one UID one is scored, one waits for a decision, none conflicts."""
    first = phantoms[0]
    with running_site(tmp_path, bundle_dir=thin_bundle_dir) as site:
        site.run("bundles", "activate", "untrained", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        for file, option in (
            (first, "-xe"),
            (encoded_by("dcmcjpls", first, tmp_path / "jls.dcm"), "-xt"),
            (encoded_by("dcmcrle", first, tmp_path / "rle.dcm"), "-xr"),
            (changed(first, tmp_path / "routed.dcm"), "-xe"),
            (changed(first, tmp_path / "corrected.dcm", PatientID="CORRECTED-1"), "-xe"),
        ):
            sent = site.storescu([file], option)
            assert sent.returncode == 0, sent.stderr
        ledger = site.wait_until_settled()
        assert Counter({one["reason"]: one["count"] for one in ledger["reasons"]}) == {
            "repeated_picture": 3,
            "correction_waiting": 1,
        }
        assert (ledger["received"], ledger["classified"], ledger["adds_up"]) == (5, 1, True)
        [waiting] = site.json("corrections", "list")
        assert waiting["differs_in"] == ["PatientID"]
        site.run("corrections", "accept", str(waiting["number"]), "--yes")
        site.wait_until_settled()
        [entry] = site.json("worklist")
        assert (entry["patient_id"], entry["report"]) == ("CORRECTED-1", "delivered")
        old, new = (read(tmp_path, content) for content in reports(site))
        assert (new[0].PatientID, predecessor_of(new[0])) == (
            "CORRECTED-1",
            old[0].SOPInstanceUID,
        )
        assert "Predecessor Docs    : 1" in new[1]
        assert dciodvfy_errors(tmp_path, reports(site)[1]) == []
        delivered = list((tmp_path / "data" / "reports").rglob("*.dcm"))
        assert len(delivered) == 2
        traced = site.json("trace", str(old[0].StudyInstanceUID))
        assert "correction_accepted" in {line["kind"] for line in traced}
        assert "CORRECTED-1" not in json.dumps(traced)
        decided = {line["state"] for line in site.json("corrections", "list", "--all")}
        assert decided == {CorrectionState.ACCEPTED, CorrectionState.REPLACED}


def standing(site: Site) -> dict[str, str]:
    """Return the version of the bundle whose result stands, by SOP Instance UID."""
    with contextlib.closing(site.database) as database, database.read() as session:
        rows = session.execute(
            select(Instance.sop_instance_uid, Bundle.version)
            .join(Classification, Classification.instance_id == Instance.id)
            .join(Bundle, Bundle.id == Classification.bundle_id)
            .where(Classification.stands_since.is_not(None))
        ).all()
        return {row.sop_instance_uid: row.version for row in rows}


def test_going_back_to_a_bundle_needs_no_worker_and_tells_every_destination(
    tmp_path: Path, thin_bundle_dir: Path, phantoms: list[Path]
) -> None:
    """Back and forth: the classify worker is gone, the list and the reports follow at once."""
    bundles = tmp_path / "bundles"
    for version in ("0", "1"):
        folder = bundles / f"version-{version}"
        shutil.copytree(thin_bundle_dir / "untrained", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "version": version}))
    with running_site(tmp_path, bundle_dir=bundles) as site:
        site.run("bundles", "activate", "untrained@0", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        site.send(phantoms[:3])
        site.wait_until_settled()
        site.run("bundles", "activate", "untrained@1", "--yes")
        site.run("reprocess", "--since", "1d", "--yes")
        site.wait_until_settled()
        assert set(standing(site).values()) == {"1"}
        site.kill("classify")
        refused = site.run("bundles", "rollback", check=False)
        assert refused.returncode == 1
        assert "3 images of" in refused.stdout
        assert set(standing(site).values()) == {"1"}
        site.run("bundles", "rollback", "--yes")
        assert set(standing(site).values()) == {"0"}
        site.wait_until_settled()
        assert site.json("reprocess", "--since", "1d", "--dry-run")["to_do"] == 0
        contents = reports(site)
        assert len(contents) == 9
        by_uid = {str(read(tmp_path, one)[0].SOPInstanceUID): one for one in contents}
        for content in contents[6:]:
            report, dumped = read(tmp_path, content)
            replaced, _ = read(tmp_path, by_uid[predecessor_of(report)])
            assert "bundle 1" in replaced.SoftwareVersions
            assert "bundle 0" in report.SoftwareVersions
            assert "Current since" in dumped
            assert dciodvfy_errors(tmp_path, content) == []
        assert len(list((tmp_path / "data" / "reports").rglob("*.dcm"))) == 9
