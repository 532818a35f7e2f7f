"""How the page writes values down."""

import pytest

from screening.worklist import wording


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


def test_dates_and_percentages() -> None:
    """Odd dates stay as they are; a missing score is no zero."""
    assert wording.dicom_date("20260301") == "2026-03-01"
    assert wording.dicom_date("2026.03.01") == "2026.03.01"
    assert wording.percent(0.874) == "87.4 %"
    assert wording.percent(None) != wording.percent(0.0)
