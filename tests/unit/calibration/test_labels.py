"""The file of labels: what is read, and what is refused with the line that is at fault."""

from pathlib import Path

import pytest

from screening.calibration.labels import Identifier, read_labels
from screening.domain.scores import Class
from screening.errors import CalibrationError


def written(tmp_path: Path, content: bytes) -> Path:
    """Write a file of labels."""
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"study_instance_uid,class\n1.2,covid19\n\n1.3, Normal \n",
        b"study_instance_uid,label\n1.2,covid19\n1.3,normal\n",
        b"\xef\xbb\xbfStudy_Instance_UID;note;Class\r\n1.2;x;COVID-19\r\n1.3;y;normal\r\n",
    ],
)
def test_commas_semicolons_and_either_spelling_are_read(tmp_path: Path, content: bytes) -> None:
    """As spreadsheets write them, with other columns, blank lines and a byte order mark."""
    found = read_labels(written(tmp_path, content))
    assert found.identifier is Identifier.STUDY_INSTANCE_UID
    assert [(one.value, one.klass) for one in found.labels] == [
        ("1.2", Class.COVID19),
        ("1.3", Class.NORMAL),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a header with one of the columns"),
        (b"uid,class\n1.2,normal\n", "found none of the former"),
        (b"accession_number\nA1\n", "and no class"),
        (b"accession_number,study_instance_uid,class\nA1,1.2,normal\n", "found study_instance_uid"),
        (
            b"accession_number,class,label\nA1,normal,normal\n",
            "found accession_number and class, l",
        ),
        (b"accession_number,class\n", "expected a label on each line"),
        (b"accession_number,class\nA1,healthy\n", "line 2: expected a class of covid19"),
        (b"accession_number,class\nA1,normal\n,normal\n", "line 3: expected a value"),
        (b"accession_number,class\nA1\n", "line 2: expected 2 cells, found 1"),
        (b"accession_number,class\nA1,normal\nA2,normal\nA1,normal\n", "line 4 .* line 2 .* same"),
        (b"accession_number,class\nA1,normal\nA1,covid19\n", "line 3 .* line 2 .* another class"),
        (b'accession_number,class\n"A1,normal\n', "expected CSV"),
        (b"accession_number,class\n\xff\xfe,normal\n", "expected text in UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused_without_its_values(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Malformed, repeated and contradicting labels; an accession number is not repeated."""
    with pytest.raises(CalibrationError, match=message) as refused:
        read_labels(written(tmp_path, content))
    assert str(refused.value).startswith("labels.csv: ")
    assert "Nothing was applied" in str(refused.value)
    assert "A1" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With its name and why."""
    with pytest.raises(CalibrationError, match=r"none\.csv: expected a file to read"):
        read_labels(tmp_path / "none.csv")
