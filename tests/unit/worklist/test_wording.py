"""How the page writes values down."""

import pytest

from screening.worklist import wording
from screening.worklist.ordering import ReadingPriority, ReportProgress


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Smith^John^Q^Dr^Jr", "Smith, John Q"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎)"),
        ("=山田^太郎", "山田 太郎"),
        ("==やまだ^たろう", "やまだ たろう"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("", "–"),  # noqa: RUF001  the page's sign for nothing
    ],
)
def test_names_are_readable(value: str, expected: str) -> None:
    """Family name first; another script in brackets; a phonetic name only where alone."""
    assert wording.dicom_name(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3900, "1 h 05 min"), (187200, "2 d 4 h")],
)
def test_waiting_times_have_two_units_at_most(seconds: float, expected: str) -> None:
    """Short waits are exact, long ones round."""
    assert wording.waiting(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("114500", "11:45"),
        ("1145", "11:45"),
        ("114530.123456", "11:45"),
        ("11", "11"),
        ("", ""),
        ("11:45", ""),
    ],
)
def test_study_times_are_shown_to_the_minute(value: str, expected: str) -> None:
    """As far as the sender told them; what is no time is left out."""
    assert wording.dicom_time(value) == expected


@pytest.mark.parametrize(
    ("birth_date", "study_date", "patient_age", "expected"),
    [
        ("19810302", "20260301", "", "44 y"),
        ("19810301", "20260301", "", "45 y"),
        ("20230301", "20260301", "", "3 y"),
        ("20230302", "20260301", "", "35 mo"),
        ("20251202", "20260301", "", "89 d"),
        ("20251201", "20260301", "", "3 mo"),
        ("20260301", "20260301", "", "0 d"),
        ("19810302", "20260301", "077Y", "44 y"),
        ("", "20260301", "045Y", "45 y"),
        ("", "20260301", "009M", "9 mo"),
        ("", "20260301", "002W", "2 wk"),
        ("19810302", "", "045Y", "45 y"),
        ("20270101", "20260301", "045Y", "45 y"),
        ("20270101", "20260301", "", ""),
        ("1981", "20260301", "45", ""),
        ("", "", "", ""),
    ],
)
def test_ages_are_those_at_the_study(
    birth_date: str, study_date: str, patient_age: str, expected: str
) -> None:
    """From the dates where both are there, else as the sender says; never after the study."""
    assert wording.age(birth_date, study_date, patient_age) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("M", "male"), ("F", "female"), ("O", "other sex"), ("f ", "female"), ("", ""), ("X", "")],
)
def test_sexes_are_words(value: str, expected: str) -> None:
    """The three codes of the standard; anything else says nothing."""
    assert wording.sex(value) == expected


def test_every_priority_and_report_progress_has_words() -> None:
    """A study in any state can be shown."""
    assert wording.PRIORITY_MEANINGS.keys() == set(ReadingPriority)
    assert wording.REPORT_MEANINGS.keys() == set(ReportProgress)


def test_dates_and_percentages() -> None:
    """Odd dates stay as they are; a missing score is no zero."""
    assert wording.dicom_date("20260301") == "2026-03-01"
    assert wording.dicom_date("2026.03.01") == "2026.03.01"
    assert wording.percent(0.874) == "87.4 %"
    assert wording.percent(None) != wording.percent(0.0)
