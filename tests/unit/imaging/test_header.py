"""Reading headers: whatever the attributes hold, a header or one of our errors comes out."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from sqlalchemy import inspect

from screening.db.tables.instances import Instance
from screening.domain.instance import LONGEST_PATIENT_VALUE, LONGEST_UID
from screening.errors import (
    IllegalIdentifierError,
    MissingIdentifierError,
    RejectedInstanceError,
    ScreeningError,
    UnreadableDataSetError,
)
from screening.imaging.dicom.header import KEYWORDS, ObjectHeader, read_header
from screening.imaging.quiet import quiet
from tests.fuzz.findings import CORPUS
from tests.peers.hostile_peer import peak_mib
from tests.unit.imaging.conftest import WriteRadiograph, radiograph

PIXELS = np.zeros((16, 8), np.uint8)
CODE = Dataset()
CODE.CodeValue, CODE.CodingSchemeDesignator, CODE.CodeMeaning = "43799004", "SCT", "Chest"


def test_it_reads_what_the_gate_needs(write_radiograph: WriteRadiograph) -> None:
    """Text is upper-case and stripped, codes and sizes are there, pixels are noticed."""
    with quiet():
        path = write_radiograph(
            PIXELS,
            BodyPartExamined="chest ",
            ViewPosition="PA",
            AnatomicRegionSequence=[CODE],
            ImageType=["DERIVED", "PRIMARY"],
            PatientAge="045Y",
        )
    header = read_header(path).instance
    assert (header.body_part, header.view_position, header.modality) == ("CHEST", "PA", "CR")
    assert header.anatomic_region == ("43799004", "CHEST")
    assert header.image_type == ("DERIVED", "PRIMARY")
    assert (header.rows, header.columns, header.number_of_frames) == (16, 8, 1)
    assert header.patient_age_years == 45
    assert header.has_pixel_data
    assert header.transfer_syntax_uid == ExplicitVRLittleEndian


@pytest.mark.parametrize(
    ("age", "born", "expected"),
    [
        ("045Y", "", 45),
        ("006M", "", 0.5),
        ("003W", "", 0.06),
        ("010D", "", 0.03),
        ("", "19900101", 30.16),
        ("000Y", "1990.01.01", 30.16),
        ("forty", "", None),
        ("", "19900230", None),
        ("", "20300101", None),
        ("999Y", "", None),
    ],
)
def test_age(
    age: str, born: str, expected: float | None, write_radiograph: WriteRadiograph
) -> None:
    """The age comes from its attribute, else from birth and study dates, else it is unknown."""
    with quiet():
        path = write_radiograph(PIXELS, PatientAge=age, PatientBirthDate=born, StudyDate="20200301")
    assert read_header(path).instance.patient_age_years == expected


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"])
@pytest.mark.parametrize("value", [None, "", ["1.2.3", "1.2.4"]])
def test_identifiers_are_required(
    keyword: str, value: str | list[str] | None, write_radiograph: WriteRadiograph, tmp_path: Path
) -> None:
    """An absent, empty or double SOP class, SOP instance or study UID is named in the error."""
    data_set = dcmread(write_radiograph(PIXELS))
    setattr(data_set, keyword, value)
    if value is None:
        delattr(data_set, keyword)
    path = tmp_path / "broken.dcm"
    data_set.save_as(path)
    with pytest.raises(MissingIdentifierError, match=keyword):
        read_header(path)


def test_an_odd_value_under_many_sequences_costs_nothing() -> None:
    """Each sequence would double what pydicom tells of the error: to gigabytes, of 6 KiB."""
    before = peak_mib()
    with pytest.raises(RejectedInstanceError):
        read_header(CORPUS / "objects" / "odd_value_under_nested_sequences.dcm")
    assert peak_mib() - before < 30


def test_a_series_uid_may_be_absent(write_radiograph: WriteRadiograph) -> None:
    """Without Series Instance UID the header has an empty one."""
    path = write_radiograph(PIXELS, SeriesInstanceUID=None)
    assert read_header(path).instance.series_instance_uid == ""


def test_an_illegal_uid_is_kept(write_radiograph: WriteRadiograph) -> None:
    """A UID with letters or leading zeros is stored as it came."""
    with quiet():
        path = write_radiograph(PIXELS, StudyInstanceUID="1.02.STUDY")
    assert read_header(path).instance.study_instance_uid == "1.02.STUDY"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_bare_data_set_is_read(implicit: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A file without preamble and meta information is read, its encoding guessed."""
    path = tmp_path / "bare.dcm"
    made = radiograph(PIXELS)
    del made.file_meta
    made.save_as(path, implicit_vr=implicit, little_endian=True)
    expected = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    assert read_header(path).instance.transfer_syntax_uid == expected


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\x08\0", b"%PDF-1.7 " * 100, b"\0" * 4096, b"\0" * 128 + b"DICM"]
)
def test_other_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    """Files that are no DICOM raise one of the project's errors."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises((UnreadableDataSetError, MissingIdentifierError)):
        read_header(path)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Buc^Jérôme"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 144", "ФАНТОМ^СОНЯ"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_names_are_decoded(
    character_set: str | list[str], name: str, write_radiograph: WriteRadiograph
) -> None:
    """Names come out as written, by the object's character set."""
    path = write_radiograph(PIXELS, SpecificCharacterSet=character_set, PatientName=name)
    assert read_header(path).patient.patient_name == name


@pytest.mark.parametrize("character_set", [b"ISO_IR 999", b"NONSENSE", b"\\\\\\", b"ISO_IR 192"])
def test_a_bad_character_set_does_no_harm(
    character_set: bytes, write_radiograph: WriteRadiograph
) -> None:
    """An unknown set, or bytes that are not of it, cost characters and nothing else."""
    path = write_radiograph(PIXELS, SpecificCharacterSet="ISO_IR 100", PatientName="BJÖRN")
    padded = character_set.ljust(10)
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", padded))
    assert read_header(path).patient.patient_name.startswith("BJ")


UID_OF_64 = "1.2." + "3" * 60


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
@pytest.mark.parametrize("uid", [UID_OF_64 + "4", "1.2. 3", "1.2\x003", "1.2\n3", "1.2.ä"])
def test_a_uid_that_would_have_to_be_changed_is_refused(
    keyword: str, uid: str, write_radiograph: WriteRadiograph
) -> None:
    """Cut, or without its control characters, it might be another object's."""
    with quiet():
        path = write_radiograph(PIXELS, **{keyword: uid})
    with pytest.raises(IllegalIdentifierError, match=keyword) as refusal:
        read_header(path)
    assert uid not in str(refusal.value)


@pytest.mark.parametrize("padding", ["", "\0", " ", "\0\0", " \0"])
def test_a_uid_comes_whole_and_without_padding(
    padding: str, write_radiograph: WriteRadiograph
) -> None:
    """64 characters are legal; blanks and NULs behind them are none of its."""
    with quiet():
        path = write_radiograph(PIXELS, StudyInstanceUID=UID_OF_64 + padding)
    assert read_header(path).instance.study_instance_uid == UID_OF_64


THREE_GROUPS = "=".join(letter * 64 for letter in "AYZ")


@pytest.mark.parametrize(
    ("keyword", "attribute", "longest"),
    [
        ("PatientID", "patient_id", "9" * 64),
        ("PatientName", "patient_name", THREE_GROUPS),
        ("PatientName", "patient_name", "N" * 324),
        ("AccessionNumber", "accession_number", "9" * 64),
    ],
)
def test_patient_values_come_whole_or_not_at_all(
    keyword: str, attribute: str, longest: str, write_radiograph: WriteRadiograph
) -> None:
    """Every legal value is kept to its last character; one beyond its column refuses the object."""
    with quiet():
        path = write_radiograph(PIXELS, **{keyword: longest})
    assert getattr(read_header(path).patient, attribute) == longest
    too_long = longest.ljust(LONGEST_PATIENT_VALUE[keyword] + 1, "x")
    with quiet():
        path = write_radiograph(PIXELS, **{keyword: too_long})
    with pytest.raises(IllegalIdentifierError, match=keyword) as refusal:
        read_header(path)
    assert too_long not in str(refusal.value)


def test_values_that_differ_stay_different(write_radiograph: WriteRadiograph) -> None:
    """Control characters within a value are replaced, not dropped; ideographic spaces stay."""
    with quiet():
        path = write_radiograph(PIXELS, PatientID="12\x073", PatientName="A\x00B\x07\0\0")
    found = read_header(path).patient
    assert (found.patient_id, found.patient_name) == ("12\ufffd3", "A\ufffdB\ufffd")
    path = write_radiograph(
        PIXELS, SpecificCharacterSet="ISO_IR 192", PatientName="A=山田\u3000太郎"
    )
    assert read_header(path).patient.patient_name == "A=山田\u3000太郎"


def test_limits_are_the_columns() -> None:
    """What the header lets through, PostgreSQL takes."""
    columns = inspect(Instance).columns
    assert {
        "PatientID": columns.patient_id.type.length,
        "PatientName": columns.patient_name.type.length,
        "AccessionNumber": columns.accession_number.type.length,
    } == LONGEST_PATIENT_VALUE
    assert columns.study_instance_uid.type.length == LONGEST_UID


def test_patient_attributes_stay_out_of_repr(write_radiograph: WriteRadiograph) -> None:
    """A header that is logged by accident shows no patient attribute."""
    assert "PHANTOM" not in repr(read_header(write_radiograph(PIXELS)))


def _read(path: Path) -> ObjectHeader | None:
    try:
        return read_header(path)
    except ScreeningError:
        return None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keyword=st.sampled_from([*KEYWORDS, "PixelData"]),
    vr=st.sampled_from(["UI", "US", "LO", "CS", "DA", "SQ", "UN", "OB", "FD", "IS", "PN", "ZZ"]),
    value=st.binary(max_size=20),
)
def test_garbled_attributes(keyword: str, vr: str, value: bytes, tmp_path: Path) -> None:
    """Any attribute with any VR and any bytes gives a header or a ScreeningError."""
    data_set = radiograph(PIXELS, BodyPartExamined="CHEST", PatientAge="045Y")
    path = tmp_path / "garbled.dcm"
    data_set["PixelData"].VR = "OW"
    data_set.pop(keyword, None)
    data_set.save_as(path, enforce_file_format=True)
    tag = tag_for_keyword(keyword) or 0
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    length = len(value).to_bytes(2, "little")
    wide = vr in {"SQ", "UN", "OB"}
    element = head + vr.encode() + (b"\0\0" + length + b"\0\0" if wide else length) + value
    content = path.read_bytes()
    at = content.index(b"\x08\x00\x16\x00UI") if keyword != "SOPClassUID" else len(content)
    path.write_bytes(content[:at] + element + content[at:])
    _read(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 700), byte=st.integers(0, 255))
def test_flipped_bytes(position: int, byte: int, tmp_path: Path) -> None:
    """One wrong byte anywhere gives a header or a ScreeningError."""
    path = tmp_path / "flipped.dcm"
    radiograph(PIXELS).save_as(path, enforce_file_format=True)
    content = bytearray(path.read_bytes())
    content[position % len(content)] = byte
    path.write_bytes(content)
    _read(path)


def test_every_real_file_has_a_header_or_is_refused(data_dir: Path) -> None:
    """No file of the collection raises anything but a ScreeningError; most have a header."""
    files = [p for p in (data_dir / "dicom").rglob("*") if p.is_file() and p.suffix != ".csv"]
    assert sum(_read(path) is not None for path in files) > 50
