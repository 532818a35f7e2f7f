"""A data set that was cut anywhere is noticed."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from screening.errors import ScreeningError, TruncatedDataSetError
from screening.imaging.completeness import check_complete
from tests.unit.imaging.conftest import WriteRadiograph

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
    assert refused == {
        "MR_truncated.dcm",
        "rtplan_truncated.dcm",
        "GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm",
    }
