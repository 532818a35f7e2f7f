"""A calibration's file: what cannot be one is refused."""

import json
from typing import Any

import pytest

from screening.calibration.document import (
    LARGEST_FILE_BYTES,
    CalibrationDocument,
    document_bytes,
    parse_document,
)
from screening.domain.scores import Class
from screening.errors import CalibrationError
from tests.rows.calibration_files import ALONE, CONTENT, CURVE, LEVELS


def test_a_grey_level_curve_may_stand_alone_or_come_before_ranks() -> None:
    """Alone it has the bundle's rules; a file without one has the bytes that it always had."""
    both = parse_document(json.dumps(CONTENT | LEVELS).encode(), "f")
    alone = parse_document(json.dumps(CONTENT | ALONE).encode(), "f")
    assert (both.has_thresholds, alone.has_thresholds) == (True, False)
    assert both.grey_curve == alone.grey_curve
    assert alone.calibration(1).is_of_scores_with(alone.grey_curve.sha256)  # type: ignore[union-attr]  # it has one
    assert not alone.calibration(1).is_of_scores_with(None)
    without = parse_document(json.dumps(CONTENT).encode(), "f")
    assert b"grey_levels" not in document_bytes(without)
    assert without.calibration(1).is_of_scores_with(None)


def test_a_file_is_read_and_written_back_as_it_was() -> None:
    """Through its bytes, twice the same."""
    document = parse_document(json.dumps(CONTENT).encode(), "CR1-1.json")
    assert parse_document(document_bytes(document), "CR1-1.json") == document
    assert document.calibration(2).name == "CR1 version 2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"bundle": {"name": "b", "version": "1", "digest": "abc"}}, "bundle.digest"),
        ({"rules": []}, "rules"),
        ({"ranks": {"covid19": CURVE}}, "expected ranks of covid19"),
        ({"ranks": {k.value: {"at": [0.9, 0.1], "values": [0, 1]} for k in Class}}, "ascend"),
        ({"ranks": {k.value: {"at": [0.1], "values": [2]} for k in Class}}, "less than or equal"),
        ({"unknown": 1}, "unknown"),
        ({"grey_levels": {**LEVELS["grey_levels"], "becomes": [0] * 255}}, "at least 256"),
        ({"grey_levels": {**LEVELS["grey_levels"], "becomes": [256] * 256}}, "less than 256"),
        ({"grey_levels": {**LEVELS["grey_levels"], "becomes": [9] + [8] * 255}}, "not descend"),
        ({**ALONE, "grey_levels": None}, "a grey-level curve alone"),
        ({**ALONE, "ranks": CONTENT["ranks"]}, "a grey-level curve alone"),
        (
            {"rules": [{**CONTENT["rules"][0], "measure": "site_probability"}]},
            "expected a recalibration",
        ),
    ],
)
def test_another_content_is_refused_with_the_field(change: dict[str, Any], message: str) -> None:
    """The message names the file, the field and what to do."""
    content = json.dumps({**CONTENT, **change}).encode()
    with pytest.raises(CalibrationError, match=message) as refused:
        parse_document(content, "CR1-1.json")
    assert "CR1-1.json" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b" " * (LARGEST_FILE_BYTES + 1)])
def test_what_is_no_calibration_is_refused(content: bytes) -> None:
    """Damaged, another document, or too large."""
    with pytest.raises(CalibrationError, match="expected a calibration"):
        parse_document(content, "x.json")


def test_the_digest_is_of_the_files_bytes() -> None:
    """A document that differs in anything has another one."""
    one = CalibrationDocument.model_validate(CONTENT)
    other = one.model_copy(update={"calling_ae_title": "CR2"})
    assert document_bytes(one) != document_bytes(other)
