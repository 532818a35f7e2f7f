"""How the page writes values down."""

import pytest

from screening.domain.reading import called_class
from screening.domain.scores import Class
from screening.domain.triage import NO_RULE, Priority, TriageRule
from screening.worklist import wording
from screening.worklist.studies.ordering import ReadingPriority, ReportProgress


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
    ("value", "expected"),
    [
        ("046Y", "46 y"),
        ("009M", "9 mo"),
        ("002W", "2 wk"),
        ("000D", "0 d"),
        ("46", ""),
        ("46 years", ""),
        ("", ""),
    ],
)
def test_ages_have_a_unit(value: str, expected: str) -> None:
    """Years, months, weeks and days as the standard codes them; anything else says nothing."""
    assert wording.age(value) == expected


@pytest.mark.parametrize("klass", list(Class))
def test_the_class_that_decides_is_that_of_the_rule(klass: Class) -> None:
    """By the rule's own words; where no rule fired, none decides."""
    rule = str(TriageRule(Priority.HIGH, klass, 0.626))
    assert called_class(rule) is klass
    assert called_class(NO_RULE) is None
    assert called_class(None) is None


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
