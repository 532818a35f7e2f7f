"""Keys of a query: what fulfils them, and which are none. Source: PS3.4 C.2.2."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from screening.imaging.quiet import quiet
from screening.ups.steps.matching import (
    IllegalKeyError,
    answered,
    check,
    has_unsupported,
    is_universal,
    keys_of,
    matches,
)


def made(**values: Any) -> Dataset:
    """Return a data set."""
    data_set = Dataset()
    with quiet():
        for keyword, value in values.items():
            setattr(data_set, keyword, value)
    return data_set


REQUEST = made(AccessionNumber="A1", RequestedProcedureID="")
STEP = made(
    SOPInstanceUID="1.2.3",
    PatientName="Doe^Jane",
    PatientID="P[1]",
    PatientBirthDate="19800214",
    ScheduledProcedureStepStartDateTime="20260301120000+0000",
    ProcedureStepState="IN PROGRESS",
    ReferencedRequestSequence=[REQUEST],
    ReplacedProcedureStepSequence=[],
)


@pytest.mark.parametrize(
    ("keyword", "value", "fits"),
    [
        ("SOPInstanceUID", "", True),
        ("SOPInstanceUID", ["1.2.9", "1.2.3"], True),
        ("SOPInstanceUID", "1.2", False),
        ("PatientName", "doe^j*", True),
        ("PatientName", "DOE^JANE^^^", True),
        ("PatientName", "Doe", False),
        ("PatientName", "*", True),
        ("PatientID", "P[1]", True),
        ("PatientID", "P?1]", True),
        ("PatientID", "p[1]", False),
        ("PatientBirthDate", "19800214", True),
        ("PatientBirthDate", "19800215", False),
        ("PatientBirthDate", "-19800214", True),
        ("PatientBirthDate", "19800215-", False),
        ("PatientBirthDate", "19790101-19801231", True),
        ("ScheduledProcedureStepStartDateTime", "20260301", True),
        ("ScheduledProcedureStepStartDateTime", "202603", True),
        ("ScheduledProcedureStepStartDateTime", "2026", True),
        ("ScheduledProcedureStepStartDateTime", "2026030112", True),
        ("ScheduledProcedureStepStartDateTime", "202603011201", False),
        ("ScheduledProcedureStepStartDateTime", "20260301-", True),
        ("ScheduledProcedureStepStartDateTime", "-20260228", False),
        ("ScheduledProcedureStepStartDateTime", "20260301130000+0100", True),
        ("ScheduledProcedureStepStartDateTime", "20260301110000-0100-20260302", True),
        ("ScheduledProcedureStepStartDateTime", "20260301-20260301", True),
        ("ProcedureStepState", "IN PROGRESS", True),
        ("ProcedureStepState", ["SCHEDULED", "IN PROGRESS"], True),
        ("ReferencedRequestSequence", [], True),
        ("ReferencedRequestSequence", [made(AccessionNumber="A1")], True),
        ("ReferencedRequestSequence", [made(AccessionNumber="A2")], False),
        ("ReplacedProcedureStepSequence", [made(ReferencedSOPInstanceUID="1.2")], False),
        ("AdmissionID", "7", True),
    ],
)
def test_a_key_is_fulfilled(keyword: str, value: Any, *, fits: bool) -> None:
    """Universal, single value, list, wild card, range and sequence matching."""
    keys = keys_of(made(**{keyword: value}))
    with quiet():
        check(keys)
        assert matches(STEP, keys) is fits


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "yesterday"),
        ("PatientBirthDate", "19800230"),
        ("PatientBirthDate", "-"),
        ("ScheduledProcedureStepStartDateTime", "2026-03-01"),
        ("ScheduledProcedureStepStartDateTime", "20261301"),
        ("ScheduledProcedureStepStartDateTime", "-"),
        ("ReferencedRequestSequence", [made(AccessionNumber="1"), made(AccessionNumber="2")]),
    ],
)
def test_a_value_that_none_may_have_is_refused(keyword: str, value: Any) -> None:
    """The message names the keyword alone: the value may name a patient."""
    with quiet(), pytest.raises(IllegalKeyError, match=f"^{keyword}$"):
        check(keys_of(made(**{keyword: value})))


def test_an_attribute_that_steps_lack_is_told_apart() -> None:
    """Asked for with a value it could not be matched; empty, it is only not answered."""
    assert has_unsupported(STEP, keys_of(made(StudyID="7")))
    assert not has_unsupported(STEP, keys_of(made(StudyID="", PatientID="7")))


def test_what_is_asked_for_is_answered() -> None:
    """Of a sequence its items' attributes that are asked for, all where the key is empty."""
    some = answered(STEP, keys_of(made(ReferencedRequestSequence=[made(AccessionNumber="")])))
    assert [list(item.dir()) for item in some.ReferencedRequestSequence] == [["AccessionNumber"]]
    whole = answered(STEP, keys_of(made(ReferencedRequestSequence=[], StudyID="")))
    assert whole.dir() == ["ReferencedRequestSequence"]
    assert "RequestedProcedureID" in whole.ReferencedRequestSequence[0]


def test_a_sequence_of_empty_keys_is_universal() -> None:
    """So is one without items."""
    empty = made(ReferencedRequestSequence=[made(AccessionNumber="")])
    assert all(is_universal(key) for key in keys_of(empty))
