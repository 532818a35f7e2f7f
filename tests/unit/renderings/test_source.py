"""The cleaned header."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import config, dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from screening.errors import MissingIdentifierError
from screening.imaging.quiet import quiet
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.renderings.structured_report.source import (
    ALWAYS_PRESENT,
    REQUIRED,
    WHERE_USABLE,
    clean_source,
    read_source,
)
from tests.reports.samples import content, header

NAMES = [
    ("no character set", None, "Doe^Jane"),
    ("Latin-1", "ISO_IR 100", "Buc^Jérôme"),
    ("Cyrillic", "ISO_IR 144", "Иванов^Иван"),
    ("Greek", "ISO_IR 126", "Διονυσιος"),
    ("UTF-8", "ISO_IR 192", "王^小东"),
    ("GB18030", "GB18030", "Wang^XiaoDong=王^小东"),
    ("GBK", "GBK", "Wang^XiaoDong=王^小东"),
    ("Japanese", ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("Japanese, katakana", ["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("Korean", ["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
]
FILES = [
    ("charset/chrFren.dcm", "Buc^Jérôme"),
    ("charset/chrGreek.dcm", "Διονυσιος"),
    ("charset/chrRuss.dcm", "Люкceмбypг"),  # noqa: RUF001  so it is written there
    ("charset/chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("charset/chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("charset/chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
    ("charset/chrKoreanMulti.dcm", "김희중"),
    ("charset/chrX2.dcm", "Wang^XiaoDong=王^小东"),
    ("charset/GH1301.dcm", "Wang^XiaoDong=王^小东"),
]


def read_back(data_set: Dataset) -> Dataset:
    """Write a data set and read it: as a file has it, raw until accessed."""
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    with quiet():
        dcmwrite(buffer, data_set)
    return dcmread(BytesIO(buffer.getvalue()), force=True)


def file_of(data_set: Dataset) -> bytes:
    """Return a data set as a Part 10 file."""
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    buffer = BytesIO()
    with quiet():
        dcmwrite(buffer, data_set, enforce_file_format=True)
    return buffer.getvalue()


def report_of(source: Dataset) -> Dataset:
    """Build a report and read it back."""
    encoded = build_report(source, content(), Profile.COMPREHENSIVE).encoded
    return dcmread(BytesIO(encoded))


@pytest.mark.parametrize(("character_set", "name"), [row[1:] for row in NAMES])
def test_names_survive_every_character_set(
    character_set: str | list[str], name: str, tmp_path: Path
) -> None:
    """A name reads the same in the report, whatever character set the image uses."""
    source = header()
    if character_set:
        source.SpecificCharacterSet = character_set
    source.PatientName = name
    path = tmp_path / "image.dcm"
    path.write_bytes(file_of(source))
    report = report_of(read_source(path))
    assert str(report.PatientName) == name
    assert report.get("SpecificCharacterSet") == (None if name.isascii() else "ISO_IR 192")


@pytest.mark.parametrize(("file", "name"), FILES)
def test_names_of_real_files_survive(data_dir: Path, file: str, name: str) -> None:
    """Names of public character set samples read the same in the report."""
    source = read_source(data_dir / "dicom" / file)
    for keyword in REQUIRED:
        if not source.get(keyword):
            setattr(source, keyword, "1.2.3")
    assert str(report_of(source).PatientName) == name


@pytest.mark.parametrize("keyword", [*ALWAYS_PRESENT, *WHERE_USABLE, "ProcedureCodeSequence"])
def test_any_attribute_may_be_missing(keyword: str) -> None:
    """A report can be made without any one attribute; Type 2 ones are there, empty."""
    source = header()
    if keyword in source:
        del source[keyword]
    report = report_of(source)
    assert (keyword in ALWAYS_PRESENT) <= (keyword in report and not report[keyword].value)


@pytest.mark.parametrize("keyword", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "\0", ["1.2.3", "1.2.4"]])
def test_identifiers_must_be_there(keyword: str, value: str | list[str] | None) -> None:
    """Without one SOP class, SOP instance or study UID there is an error that says so."""
    source = header()
    with quiet():
        source[keyword].value = value
    with pytest.raises(MissingIdentifierError, match=keyword):
        clean_source(source)


def test_a_missing_series_gets_a_derived_uid() -> None:
    """An image without a series can be reported; the evidence names a derived series."""
    source = header()
    del source.SeriesInstanceUID
    assert clean_source(source).SeriesInstanceUID.startswith("2.25.")


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "U"),
        ("PatientSex", "female"),
        ("PatientBirthDate", "1970-01-31"),
        ("PatientBirthDate", "19700231"),
        ("PatientBirthDate", "1970.01.31"),
        ("StudyDate", "0"),
        ("StudyTime", "25:00"),
        ("StudyTime", "10:30:00"),
        ("AccessionNumber", "A" * 17),
        ("PatientID", "P" * 65),
        ("PatientID", "A\nB"),
        ("PatientName", "A" * 65),
        ("PatientName", "A=B=C=D"),
        ("PatientName", "A^B^C^D^E^F"),
    ],
)
def test_unusable_values_are_emptied_never_cut(keyword: str, value: str) -> None:
    """A value its VR does not allow is left empty, since a changed one may be somebody else's."""
    source = header()
    with quiet():
        source.add(DataElement(keyword, source[keyword].VR, value))
        cleaned = clean_source(read_back(source))
    assert not cleaned[keyword].value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"CodeValue": "36643-5", "CodingSchemeDesignator": "LN"}, None),
        ({"LongCodeValue": "A" * 17, "CodingSchemeDesignator": "99SITE"}, None),
        ({"LongCodeValue": "A" * 300, "CodingSchemeDesignator": "99SITE"}, None),
        ({"URNCodeValue": "urn:oid:2.16.840.1.113883.6.96"}, None),
        (
            {"CodeValue": "X", "CodingSchemeDesignator": "99S", "CodingSchemeVersion": "2026"},
            None,
        ),
        (
            {"CodeValue": "A" * 17, "CodingSchemeDesignator": "99SITE"},
            {"LongCodeValue": "A" * 17, "CodingSchemeDesignator": "99SITE"},
        ),
        (
            {"LongCodeValue": "A" * 16, "CodingSchemeDesignator": "99SITE"},
            {"CodeValue": "A" * 16, "CodingSchemeDesignator": "99SITE"},
        ),
        ({"CodeValue": "36643-5"}, {}),
        ({"LongCodeValue": "A" * 17}, {}),
        ({"CodingSchemeDesignator": "LN"}, {}),
    ],
    ids=str,
)
def test_procedure_codes_of_every_length(
    given: dict[str, str], kept: dict[str, str] | None, tmp_path: Path
) -> None:
    """Code Value, Long Code Value and URN Code Value come into the report, where they belong."""
    item = Dataset()
    with quiet():
        for keyword, value in {**given, "CodeMeaning": "Chest"}.items():
            item.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))
    source = header()
    source.ProcedureCodeSequence = [item]
    path = tmp_path / "image.dcm"
    path.write_bytes(file_of(source))
    codes = clean_source(read_source(path)).ProcedureCodeSequence
    found = [
        {e.keyword: str(e.value) for e in code if e.keyword != "CodeMeaning"} for code in codes
    ]
    assert found == [expected for expected in [given if kept is None else kept] if expected]


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "StudyDescription"])
def test_text_that_cannot_be_decoded_is_left_out(keyword: str, tmp_path: Path) -> None:
    """Of a character set that nobody knows: an empty name is better than a wrong one."""
    source = header()
    source.SpecificCharacterSet = "ISO_IR 100"
    setattr(source, keyword, "Müller")
    path = tmp_path / "image.dcm"
    encoded = file_of(source)
    for declared, expected in ((b"ISO_IR 100", "Müller"), (b"ISO_IR 777", "")):
        path.write_bytes(encoded.replace(b"ISO_IR 100", declared))
        with quiet():
            report = report_of(read_source(path))
        assert str(report.get(keyword, "")) == expected


def test_usable_values_are_kept_as_they_are() -> None:
    """Nothing of a legal header changes."""
    source = header()
    cleaned = clean_source(read_back(source))
    for keyword in (*REQUIRED, *ALWAYS_PRESENT, *WHERE_USABLE, "SeriesInstanceUID"):
        if keyword in source:
            assert cleaned[keyword].value == source[keyword].value, keyword


def test_cleaning_twice_changes_nothing() -> None:
    """A cleaned header is clean."""
    once = clean_source(header())
    assert clean_source(once) == once


def test_the_source_is_left_alone() -> None:
    """Cleaning does not change the image's data set, and takes no pixels along."""
    source = header()
    source.PixelData, source["PixelData"].VR = b"\0\0", "OW"
    before = source.to_json()
    assert "PixelData" not in clean_source(source)
    assert source.to_json() == before


def test_an_illegal_uid_is_named_as_it_is() -> None:
    """An image with an illegal UID is reported under that UID: nothing else would find it."""
    source = header()
    source["SOPInstanceUID"] = DataElement(
        "SOPInstanceUID", "UI", "1.02.x", validation_mode=config.IGNORE
    )
    encoded = build_report(source, content(), Profile.COMPREHENSIVE).encoded
    with quiet():
        study = dcmread(BytesIO(encoded)).CurrentRequestedProcedureEvidenceSequence[0]
        reference = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == "1.02.x"


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    keyword=st.sampled_from([*ALWAYS_PRESENT, *WHERE_USABLE, "SpecificCharacterSet"]),
    vr=st.sampled_from(["", "US", "FD", "AT"]),
    garbage=st.binary(max_size=90),
)
def test_no_garbled_attribute_stops_the_report(keyword: str, vr: str, garbage: bytes) -> None:
    """Whatever bytes and VR an attribute has, a report is made, silently, and can be read whole."""
    tag = Tag(keyword)
    source = header()
    source[tag] = RawDataElement(
        tag,
        vr or dictionary_VR(tag),
        len(garbage),
        garbage,
        0,
        is_implicit_VR=True,
        is_little_endian=True,
    )
    for _ in report_of(source).iterall():
        pass
