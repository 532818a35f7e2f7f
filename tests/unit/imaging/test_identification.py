"""What a correction may change is read alike, however it is written."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from screening.domain.correction import ATTRIBUTES, differing
from screening.errors import UnreadableDataSetError
from screening.imaging.dicom.identification import read_identification
from tests.peers.receiving import radiograph


def identification(folder: Path, **attributes: Any) -> dict[str, str]:
    """Return what is read of a radiograph with these attributes."""
    path = folder / "object.dcm"
    path.write_bytes(radiograph(**attributes))
    return read_identification(path)


def code(value: str, meaning: str) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def test_every_attribute_of_the_table_is_read(tmp_path: Path) -> None:
    """Absent ones are "", so that an attribute that is added or removed differs."""
    found = identification(tmp_path)
    assert set(found) == {one.keyword for one in ATTRIBUTES}
    assert found["PatientName"] == "Doe^Jane"
    assert found["ViewPosition"] == ""
    without = identification(tmp_path, IssuerOfPatientID=None)
    assert differing(found, without) == ("IssuerOfPatientID",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"PatientName": "Doe^Jane"}, {"PatientName": "Doe^Jane^^^"}),
        ({"PatientName": "Doe^Jane"}, {"PatientName": "Doe^Jane=="}),
        ({"PatientID": "77"}, {"PatientID": "77 "}),
        ({"StudyTime": "101500"}, {"StudyTime": "101500.000000"}),
        ({"StudyTime": "1015"}, {"StudyTime": "101500"}),
        (
            {"ViewCodeSequence": [code("399348003", "antero-posterior")]},
            {"ViewCodeSequence": [code("399348003", "AP")]},
        ),
    ],
    ids=["components", "groups", "padding", "fraction", "seconds", "meaning"],
)
def test_ways_of_writing_are_no_corrections(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """PS3.5 section 6.2 allows all of them for the same value."""
    assert identification(tmp_path, **one) == identification(tmp_path, **other)


def test_another_character_set_is_no_correction(tmp_path: Path) -> None:
    """The text counts, not its bytes."""
    found = []
    for character_set in ("ISO_IR 100", "ISO_IR 192"):
        data_set = dcmread(BytesIO(radiograph()))
        data_set.SpecificCharacterSet = character_set
        data_set.PatientName = "Müller^Jörg"
        path = tmp_path / "object.dcm"
        dcmwrite(path, data_set, enforce_file_format=True)
        found.append(read_identification(path))
    assert found[0] == found[1]
    assert found[0]["PatientName"] == "Müller^Jörg"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Doe^Jane^Ann"),
        ("PatientName", "Doe^^Jane"),
        ("StudyTime", "101501"),
        ("PatientSex", "M"),
    ],
)
def test_another_value_is_one(tmp_path: Path, keyword: str, value: str) -> None:
    """However little it is."""
    assert differing(identification(tmp_path), identification(tmp_path, **{keyword: value})) == (
        keyword,
    )


def test_what_is_no_dicom_is_unreadable(tmp_path: Path) -> None:
    """With the error that the worker knows."""
    path = tmp_path / "object.dcm"
    path.write_bytes(b"no data set at all. " * 9)
    with pytest.raises(UnreadableDataSetError):
        read_identification(path)
