"""The fault suite sees what is lost or doubled: each kind, planted."""

import pytest

from tests.faults.destination import Arrival
from tests.faults.images import Kind, new_study
from tests.faults.reckoning import Row, reckon

ROW = Row("1.2.3", "abc", ("classified",), ("2.25.1",))
ARRIVAL = Arrival("1.2.3", "2.25.1", "def")
SENT = {"1.2.3": "abc"}
KEPT = {"abc": True}


def test_a_sound_image_is_neither() -> None:
    """One row, one state, one report there and here; sent again is no second one."""
    found = reckon(SENT, Kind.SCORED, [ROW], [ARRIVAL, ARRIVAL], KEPT)
    assert (dict(found.lost), dict(found.doubled)) == ({}, {})
    assert (found.reports, found.sent_again) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "arrivals", "kept"),
    [
        ([], [ARRIVAL], KEPT),
        ([Row("1.2.3", "xyz", ("classified",), ("2.25.1",))], [ARRIVAL], KEPT),
        ([Row("1.2.3", "abc", ("failed",), ("2.25.1",))], [ARRIVAL], KEPT),
        ([Row("1.2.3", "abc", (), ("2.25.1",))], [ARRIVAL], KEPT),
        ([ROW], [], KEPT),
        ([ROW], [ARRIVAL], {"abc": False}),
        ([ROW], [ARRIVAL], {}),
    ],
    ids=["no row", "other bytes", "failed", "no state", "no report", "damaged", "no file"],
)
def test_what_is_lost_is_seen(
    rows: list[Row], arrivals: list[Arrival], kept: dict[str, bool]
) -> None:
    """Wherever it was lost on the way."""
    assert set(reckon(SENT, Kind.SCORED, rows, arrivals, kept).lost) == {"1.2.3"}


@pytest.mark.parametrize(
    ("rows", "arrivals"),
    [
        ([ROW, ROW], [ARRIVAL]),
        ([Row("1.2.3", "abc", ("classified", "received"), ("2.25.1",))], [ARRIVAL]),
        ([Row("1.2.3", "abc", ("classified",), ("2.25.1", "2.25.2"))], [ARRIVAL]),
        ([ROW], [ARRIVAL, Arrival("1.2.3", "2.25.2", "def")]),
        ([ROW], [ARRIVAL, Arrival("1.2.3", "2.25.1", "other bytes")]),
        ([ROW], [Arrival("1.2.3", "2.25.9", "def")]),
    ],
    ids=["row", "classification", "report", "UID sent", "bytes sent", "UID of another"],
)
def test_what_is_doubled_is_seen(rows: list[Row], arrivals: list[Arrival]) -> None:
    """In the database or at the destination."""
    assert set(reckon(SENT, Kind.SCORED, rows, arrivals, KEPT).doubled) == {"1.2.3"}


def test_a_row_that_nobody_sent_is_seen() -> None:
    """The senders' truth is the whole truth."""
    assert set(reckon({}, Kind.SCORED, [ROW], [], {}).doubled) == {"1.2.3"}


def test_an_image_too_small_to_score_has_no_report() -> None:
    """It ends as not applicable."""
    row = Row("1.2.3", "abc", ("not_applicable",), ())
    assert not reckon(SENT, Kind.TOO_SMALL, [row], [], KEPT).lost
    assert set(reckon(SENT, Kind.TOO_SMALL, [row], [ARRIVAL], KEPT).doubled) == {"1.2.3"}


@pytest.mark.parametrize("kind", Kind)
def test_objects_differ_in_their_uids(kind: Kind) -> None:
    """And in nothing else; every one is sent as what it says it is."""
    objects = new_study(kind, 3)
    assert [one.sop_instance_uid for one in objects.encoded] == list(objects.digests)
    assert len(set(objects.digests.values())) == 3
