"""A data set that was cut anywhere is noticed."""

import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from screening.errors import ScreeningError, TruncatedDataSetError, UnreadableDataSetError
from screening.imaging.dicom.completeness import check_complete
from screening.imaging.dicom.element import UNDEFINED_LENGTH
from tests.unit.imaging.conftest import WriteRadiograph

SOP_CLASS = struct.pack("<HHI", 0x0008, 0x0016, 8) + b"1.2.840\0"
OPEN_SEQUENCE = struct.pack("<HHI", 0x0008, 0x1140, UNDEFINED_LENGTH)
OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED_LENGTH)
EMPTY_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
CLOSE_ITEM = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
CLOSE_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
PIXELS = np.arange(16 * 8, dtype=np.uint8).reshape(16, 8)


@pytest.fixture(params=["native", "encapsulated"])
def whole(request: pytest.FixtureRequest, write_radiograph: WriteRadiograph) -> Path:
    """Return a whole file with Pixel Data at its end, and a nested sequence of undefined length."""
    inner = Dataset()
    inner.CodeValue = "43799004"
    path = write_radiograph(
        PIXELS,
        compress=RLELossless if request.param == "encapsulated" else "",
        AnatomicRegionSequence=[inner],
    )
    data_set = dcmread(path)
    data_set["AnatomicRegionSequence"].is_undefined_length = True
    data_set.AnatomicRegionSequence[0].is_undefined_length_sequence_item = True
    data_set.save_as(path)
    return path


def test_a_whole_file_passes(whole: Path) -> None:
    """Nothing is raised for a whole file, nor for one with zeros behind it."""
    check_complete(whole)
    whole.write_bytes(whole.read_bytes() + b"\0" * 100)
    check_complete(whole)


@pytest.mark.parametrize("missing", [1, 2, 4, 7, 50])
def test_missing_bytes_at_the_end(missing: int, whole: Path) -> None:
    """Even 1 byte less is refused."""
    whole.write_bytes(whole.read_bytes()[:-missing])
    with pytest.raises(TruncatedDataSetError):
        check_complete(whole)


def test_cut_within_a_nested_sequence(whole: Path) -> None:
    """A cut within an item of undefined length is refused, though pydicom reads it."""
    content = whole.read_bytes()
    whole.write_bytes(content[: content.index(b"43799004") + 8])
    with pytest.raises(TruncatedDataSetError):
        check_complete(whole)


def test_every_cut_is_refused_or_between_elements(whole: Path) -> None:
    """Wherever the data set is cut: an error of ours, or an object without its last elements."""
    content = whole.read_bytes()
    passed = 0
    for size in range(400, len(content), 3):
        whole.write_bytes(content[:size])
        try:
            check_complete(whole)
            passed += 1
        except ScreeningError:
            continue
    assert passed < 15


def test_no_real_whole_file_is_refused(data_dir: Path) -> None:
    """Of the collection only those files are refused that are cut or deflated."""
    refused = set()
    for path in (data_dir / "dicom").rglob("*"):
        if path.is_file() and path.suffix != ".csv":
            try:
                check_complete(path)
            except TruncatedDataSetError:
                refused.add(path.name)
            except ScreeningError:
                continue
    assert refused == {"MR_truncated.dcm", "rtplan_truncated.dcm"}


def test_a_file_of_nothing_but_elements_is_refused(tmp_path: Path) -> None:
    """As objects of pydicom they would take gigabytes, of a few megabytes."""
    heads = [struct.pack("<HHI", 0x0009, 0x1000 + number % 0xE000, 0) for number in range(60_000)]
    path = tmp_path / "elements"
    path.write_bytes(SOP_CLASS + b"".join(heads))
    with pytest.raises(UnreadableDataSetError, match="expected up to 50000 elements"):
        check_complete(path)


def test_fragments_count_as_elements(tmp_path: Path) -> None:
    """Encapsulated Pixel Data of a million empty fragments is no picture."""
    path = tmp_path / "fragments"
    pixel_data = struct.pack("<HHI", 0x7FE0, 0x0010, UNDEFINED_LENGTH)
    path.write_bytes(SOP_CLASS + pixel_data + EMPTY_ITEM * 60_000)
    with pytest.raises(UnreadableDataSetError, match="expected up to 50000 elements"):
        check_complete(path)


@pytest.mark.parametrize("depth", [17, 400, 100_000])
def test_sequences_without_end_within_each_other_are_refused(tmp_path: Path, depth: int) -> None:
    """Python's own limit on depth is not what decides."""
    path = tmp_path / "nested"
    path.write_bytes(SOP_CLASS + (OPEN_SEQUENCE + OPEN_ITEM) * depth)
    with pytest.raises(UnreadableDataSetError, match="nested up to 16 deep"):
        check_complete(path)


def test_sequences_may_be_nested_as_far_as_reports_are(tmp_path: Path) -> None:
    """Up to 16 deep."""
    path = tmp_path / "nested"
    path.write_bytes(
        SOP_CLASS + (OPEN_SEQUENCE + OPEN_ITEM) * 16 + (CLOSE_ITEM + CLOSE_SEQUENCE) * 16
    )
    check_complete(path)


def test_a_long_value_is_refused_where_it_would_be_read(tmp_path: Path) -> None:
    """A name of megabytes; the same in an attribute that nobody reads is passed over."""
    path = tmp_path / "long"
    value = bytes(70_000)
    path.write_bytes(SOP_CLASS + struct.pack("<HHI", 0x0010, 0x0010, len(value)) + value)
    with pytest.raises(UnreadableDataSetError, match="at most 65536 bytes in element 0x00100010"):
        check_complete(path)
    path.write_bytes(SOP_CLASS + struct.pack("<HHI", 0x0010, 0x4000, len(value)) + value)
    check_complete(path)
