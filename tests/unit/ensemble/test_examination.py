"""One instance from the spool to the ensemble's input: it always ends somewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from screening.domain.eligibility import EligibilityRules, Reason, Refusal
from screening.domain.failures import FailureReason
from screening.ensemble.examination import Failed, Ready, examine
from screening.imaging.phantoms.phantom import write_phantoms
from tests.peers.receiving import radiograph

RULES = EligibilityRules()


def shape(picture: Any) -> tuple[int, ...]:
    """Prepare a picture as an ensemble would."""
    assert picture.dtype == np.uint8
    return tuple(picture.shape)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a synthetic chest radiograph."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), 1)[0]


def test_a_chest_radiograph_is_ready(phantom: Path) -> None:
    """With its prepared input, the digest of its pixels, how it was rendered, and how long."""
    found = examine(phantom, RULES, shape)
    assert isinstance(found, Ready)
    assert found.prepared == (1024, 960)
    assert len(found.pixel_sha256) == 64
    assert found.render_path
    assert set(found.timings_s) == {"render", "prepare"}
    assert examine(phantom, RULES, shape).pixel_sha256 == found.pixel_sha256


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"ViewPosition": "LL", "BodyPartExamined": "CHEST"}, Reason.NOT_FRONTAL),
        ({"BodyPartExamined": "HAND"}, Reason.NOT_CHEST),
        ({"Modality": "CT"}, Reason.WRONG_MODALITY),
    ],
)
def test_the_gate_turns_away_by_the_header(
    tmp_path: Path, attributes: dict[str, str], reason: Reason
) -> None:
    """A recorded reason, before a pixel is decoded."""
    path = tmp_path / "object.dcm"
    path.write_bytes(radiograph(side=1024, **attributes))
    found = examine(path, RULES, shape)
    assert isinstance(found, Refusal)
    assert found.reason is reason


def test_a_blank_picture_is_not_applicable(tmp_path: Path) -> None:
    """An exposure without a patient is no failure."""
    path = tmp_path / "object.dcm"
    path.write_bytes(radiograph(side=1024, grey=7))
    found = examine(path, RULES, shape)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.BLANK_IMAGE


def test_a_file_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    """Perhaps it comes back: the policy says to retry."""
    found = examine(tmp_path / "gone.dcm", RULES, shape)
    assert isinstance(found, Failed)
    assert found.reason is FailureReason.SPOOL_FILE_MISSING


@pytest.mark.parametrize("content", [b"", b"no DICOM at all" * 40])
def test_bytes_that_are_no_data_set_are_a_failure(tmp_path: Path, content: bytes) -> None:
    """Unreadable: the object is at fault."""
    path = tmp_path / "object.dcm"
    path.write_bytes(content)
    found = examine(path, RULES, shape)
    assert isinstance(found, Failed)
    assert found.reason is FailureReason.UNREADABLE_DATA_SET


def test_an_unexpected_error_is_a_failure_without_its_text(phantom: Path) -> None:
    """The text may name the patient: the class of the error is all that is recorded."""

    def breaks(_: Any) -> None:
        raise ValueError("DOE^JANE")

    found = examine(phantom, RULES, breaks)
    assert isinstance(found, Failed)
    assert (found.reason, found.detail) == (FailureReason.INTERNAL_ERROR, "ValueError")


def test_a_file_that_is_no_picture_is_a_failure(tmp_path: Path) -> None:
    """`screening score` takes any file."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"no picture")
    assert isinstance(examine(path, RULES, shape), Failed)
