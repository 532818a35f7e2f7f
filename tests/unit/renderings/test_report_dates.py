"""The dates of a report: local, consistent, with their offset."""

import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from screening.delivery.content import in_zone
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from tests.reports.samples import CLASSIFIED_AT, content, header
from tests.unit.renderings.test_document import report, words

ZONES = [
    ("UTC", CLASSIFIED_AT, "20260301", "123015", "+0000"),
    ("Asia/Tokyo", CLASSIFIED_AT, "20260301", "213015", "+0900"),
    ("Asia/Tokyo", CLASSIFIED_AT.replace(hour=20), "20260302", "053015", "+0900"),
    ("America/St_Johns", CLASSIFIED_AT, "20260301", "090015", "-0330"),
    ("Europe/Berlin", CLASSIFIED_AT, "20260301", "133015", "+0100"),
    ("Europe/Berlin", CLASSIFIED_AT.replace(month=7), "20260701", "143015", "+0200"),
    ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "20261025", "023000", "+0200"),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "20261025", "023000", "+0100"),
]


@pytest.mark.parametrize("profile", [Profile.COMPREHENSIVE, Profile.BASIC_TEXT])
@pytest.mark.parametrize(("zone", "moment", "day", "time", "offset"), ZONES)
def test_dates_are_local_and_say_by_how_much(
    zone: str, moment: datetime, day: str, time: str, offset: str, profile: Profile
) -> None:
    """Content, instance and series dates are the site's, in the offset of that very moment."""
    source = header()
    del source.TimezoneOffsetFromUTC
    said = dataclasses.replace(content(), classified_at=moment)
    made = report(source, in_zone(said, ZoneInfo(zone)), profile)
    assert made.TimezoneOffsetFromUTC == offset
    assert {made.ContentDate, made.InstanceCreationDate, made.SeriesDate} == {day}
    assert {made.ContentTime, made.InstanceCreationTime, made.SeriesTime} == {time}
    [algorithm] = made.ContributingEquipmentSequence[1:]
    assert algorithm.ContributionDateTime == f"{day}{time}.000000{offset}"
    assert f"classified {day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}" in words(made)


def test_the_images_own_offset_comes_first() -> None:
    """12:30:15 UTC is 14:00:15 in an image that is at +0130, wherever the site is."""
    for zone in ("UTC", "Asia/Tokyo"):
        made = report(header(), in_zone(content(), ZoneInfo(zone)), Profile.COMPREHENSIVE)
        assert (made.ContentDate, made.ContentTime) == ("20260301", "140015")
        assert made.TimezoneOffsetFromUTC == "+0130"


def test_reports_of_a_series_have_one_series_date() -> None:
    """The date at which the series began, in the offset that the report's other dates are in."""
    began = datetime(2026, 10, 24, 23, 50, tzinfo=UTC)
    later = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    source = header()
    del source.TimezoneOffsetFromUTC
    said = dataclasses.replace(content(), classified_at=later, series_started_at=began)
    made = report(source, in_zone(said, ZoneInfo("Europe/Berlin")), Profile.COMPREHENSIVE)
    assert (made.ContentDate, made.ContentTime) == ("20261025", "023000")
    assert (made.SeriesDate, made.SeriesTime) == ("20261025", "005000")
    assert made.TimezoneOffsetFromUTC == "+0100"


def test_a_moment_without_a_zone_is_refused() -> None:
    """A naive classified_at is an error, not a guess."""
    naive = dataclasses.replace(content(), classified_at=CLASSIFIED_AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone"):
        build_report(header(), naive, Profile.COMPREHENSIVE)
