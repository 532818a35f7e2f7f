"""Promise 6: no patient attribute outside the DICOM files and the database's columns for it.

Marks stand in every header element of sound and broken radiographs, which go the whole way while
everything that is written anywhere is kept; then the marks are looked for.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE

from tests.objects.marked_objects import read_phantom, sound_objects
from tests.objects.marks import Marks
from tests.sites.marked_run import CALLING, SOUND, Traces, run_with_marks, send
from tests.sites.site import running_site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow, pytest.mark.timeout(1500)]
PATIENT_COLUMNS = {
    "identification",
    "patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "patient_age",
    "accession_number",
    "study_date",
    "study_time",
    "study_description",
}
UID_COLUMNS = {"sop_instance_uid", "study_instance_uid", "series_instance_uid", "sop_class_uid"}
ALLOWED_COLUMNS = {
    "instances": PATIENT_COLUMNS | UID_COLUMNS | {"modality", "calling_ae_title"},
    "studies": PATIENT_COLUMNS | {"study_instance_uid", "modality", "calling_ae_title"},
    "events": UID_COLUMNS,
    "reports": {"content"},
    "associations": {"calling_ae_title"},
}
"""Identifiers that peers chose freely are kept as they are in columns that are made for them."""
SHOWN_ON_PAGE = {"PatientName", "PatientID", "AccessionNumber", "StudyDate", "StudyTime"}
SHOWN_WHERE_LEGAL = {"PatientSex", "PatientAge", "PatientBirthDate", "StudyDescription"}
UID_PLACES = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"}


@pytest.fixture(scope="module")
def traces(
    tmp_path_factory: pytest.TempPathFactory, thin_bundle_dir: Path, phantoms: list[Path]
) -> Traces:
    """Return what a whole site wrote while marked radiographs went through it."""
    return run_with_marks(tmp_path_factory.mktemp("site"), thin_bundle_dir, phantoms[0])


def places(found: Traces, content: str | bytes) -> set[str]:
    """Return where the marks of some content were planted, the calling AE title apart."""
    return found.marks.found_in(content) - {CALLING}


def test_the_radiographs_went_the_whole_way(traces: Traces) -> None:
    """Something was classified, reported, delivered, refused, parked, failed and not applicable."""
    states = {state for state, _ in traces.states}
    assert {"classified", "not_applicable", "failed"} <= states
    reasons = {reason for _, reason in traces.states}
    assert {"wrong_modality", "not_chest", "not_frontal", "localizer"} <= reasons
    assert {"undecodable_pixels", "correction_waiting"} <= reasons
    assert {("quoting", "delivered"), ("refusing", "parked")} <= traces.deliveries
    assert {("absent", "pending"), ("absent", "given_up")} <= traces.deliveries
    assert len(traces.reports) >= 2 * SOUND
    refused = traces.written["log of receive"]
    assert isinstance(refused, str)
    assert refused.count('"instance_refused"') >= 5


def test_the_search_finds_what_is_there(traces: Traces) -> None:
    """The marks do arrive where they may be: in the spool, the reports and the rows."""
    shown = {place for page in traces.pages.values() for place in places(traces, page)}
    assert {f"sound 0 {attribute}" for attribute in SHOWN_ON_PAGE - {"StudyTime"}} <= shown
    cells = {place for table, column, value in traces.rows for place in places(traces, value)
             if (table, column) == ("instances", "patient_name")}  # fmt: skip
    assert "sound 0 PatientName" in cells
    assert any(traces.marks.found_in(repr(report)) for report in traces.reports)


def test_nothing_that_is_written_holds_a_patient_attribute(traces: Traces) -> None:
    """Logs at DEBUG, metrics, Redis, its commands, temporary files, command output, headers."""
    leaks = {where: places(traces, content) for where, content in traces.written.items()}
    assert {where: sorted(found) for where, found in leaks.items() if found} == {}


def test_no_file_name_and_no_address_holds_a_patient_attribute(traces: Traces) -> None:
    """In the data folder, in temporary folders, and in the links of the pages."""
    assert sorted(name for name in traces.names if traces.marks.found_in(name)) == []


def test_only_columns_for_it_hold_a_patient_attribute(traces: Traces) -> None:
    """Every cell of every table was looked at."""
    leaks = {
        (table, column, place)
        for table, column, value in traces.rows
        if column not in ALLOWED_COLUMNS.get(table, set())
        for place in places(traces, value)
    }
    assert leaks == set()


def test_pages_show_what_readers_need_and_nothing_else(traces: Traces) -> None:
    """Of a header's thousand elements nine, and the modality and the UIDs."""
    allowed = SHOWN_ON_PAGE | SHOWN_WHERE_LEGAL | {"Modality", *UID_PLACES}
    shown = {
        place.split(" ", 2)[-1] for page in traces.pages.values() for place in places(traces, page)
    }
    assert shown <= allowed


def test_the_calling_ae_title_is_logged_as_such_and_nowhere_else(traces: Traces) -> None:
    """It names the sending device, which operators must see; no message holds it.

    Of the metrics, those of each sender's drift have it, as the label that says so.
    """
    logs = ("log of receive", "file receive.log")
    for where, content in traces.written.items():
        if CALLING not in traces.marks.found_in(content):
            continue
        if where.startswith("screening trace "):
            continue
        text = content if isinstance(content, str) else content.decode()
        if where == "/metrics":
            named = [line for line in text.splitlines() if CALLING in traces.marks.found_in(line)]
            rest = [re.sub(r'calling_ae_title="[^"]*"', "", line) for line in named]
            assert not any(CALLING in traces.marks.found_in(line) for line in rest)
            continue
        assert where in logs
        for line in text.splitlines():
            if CALLING in traces.marks.found_in(line):
                event: dict[str, Any] = json.loads(line)
                keys = {k for k, v in event.items() if CALLING in traces.marks.found_in(repr(v))}
                assert keys == {"calling_ae_title"}


def test_embedded_messages_hold_no_patient_attribute(tmp_path: Path, phantoms: list[Path]) -> None:
    """The embedded broker's files say that there is work, and no more."""
    marks = Marks()
    (one,) = sound_objects(read_phantom(phantoms[0]), marks, 1)
    with running_site(tmp_path, bundle_dir=tmp_path) as site:
        site.start("receive")
        site.wait_for_scp()
        send(site, marks.text(CALLING), one)
        messages = tmp_path / "data" / "broker"
        wait_until(lambda: any(path.is_file() for path in messages.rglob("*.msg")), "a message")
        for path in messages.rglob("*"):
            assert marks.found_in(path.name) == set()
            if path.is_file():
                assert marks.found_in(path.read_bytes()) == set()


def test_a_rejected_association_is_logged_without_more_than_its_ae_titles(tmp_path: Path) -> None:
    """Operators see who was turned away."""
    marks = Marks()
    with running_site(
        tmp_path, bundle_dir=tmp_path, SCREENING_ALLOWED_CALLING_AE_TITLES="CR1,ECHOSCU"
    ) as site:
        site.start("receive")
        site.wait_for_scp()
        entity = AE(marks.text(CALLING))
        entity.add_requested_context("1.2.840.10008.1.1")
        port = int(site.variables["SCREENING_SCP_PORT"])
        assert entity.associate("127.0.0.1", port).is_rejected
        site.wait_for_log("receive", "association_rejected")
        assert site.log("receive").count(next(iter(marks.places))) == 1
