"""Ages as the list shows them and as the age rule reads them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.imaging.dicom.ages import age_string, age_years, parse_day

BORN = date(1980, 2, 14)


@pytest.mark.parametrize(
    ("sent", "taken", "expected"),
    [
        ("", date(2026, 2, 13), "045Y"),
        ("", date(2026, 2, 14), "046Y"),
        ("000Y", date(2026, 2, 14), "046Y"),
        ("45", date(2026, 2, 14), "046Y"),
        ("044Y", date(2026, 2, 14), "044Y"),
        ("5M", date(2026, 2, 14), "005M"),
        ("", date(1982, 2, 13), "023M"),
        ("", date(1982, 2, 14), "002Y"),
        ("", date(1980, 2, 14), "000M"),
        ("", date(1980, 2, 13), ""),
        ("", None, ""),
        ("", date(2200, 1, 1), ""),
        ("003D", None, "003D"),
    ],
)
def test_the_age_is_what_was_sent_or_what_the_dates_say(
    sent: str, taken: date | None, expected: str
) -> None:
    """Completed years, below two of them completed months; unknown rather than impossible."""
    assert age_string(sent, BORN, taken) == expected


@given(
    sent=st.text(max_size=5) | st.from_regex(r"[0-9]{1,3}[DWMY]", fullmatch=True),
    born=st.none() | st.dates(),
    taken=st.none() | st.dates(),
)
def test_an_age_is_told_where_it_is_known(sent: str, born: date | None, taken: date | None) -> None:
    """Both readings know an age, or neither does."""
    told = age_string(sent, born, taken)
    assert (told == "") == (age_years(sent, born, taken) is None)
    assert told == "" or age_years(told, None, None) is not None or told.startswith("000")


@pytest.mark.parametrize("text", ["", "2020", "20200230", "2020-0301", "2020/03/01", "20200301 "])
def test_what_is_no_day_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert parse_day(text) is None
