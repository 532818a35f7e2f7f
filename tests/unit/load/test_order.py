"""The back-pressure trial sees who was overtaken."""

from datetime import UTC, datetime, timedelta

from screening.domain.lifecycle import Lane
from tests.load import waiting_work
from tests.load.waiting_work import Served

START = datetime(2026, 1, 1, tzinfo=UTC)


def served(uid: str, received_s: float, claimed_s: float, lane: Lane = Lane.LIVE) -> Served:
    """Return one image by the seconds in which it came and was taken."""
    return Served(
        uid, lane, START + timedelta(seconds=received_s), START + timedelta(seconds=claimed_s)
    )


def out_of_order(images: list[Served]) -> list[str]:
    """Judge images that were each answered a second after they came."""
    answers = {one.sop_instance_uid: one.received_at + timedelta(seconds=1) for one in images}
    return waiting_work.out_of_order(images, answers)


def test_first_come_first_served_is_in_order() -> None:
    """Backfill is served last; those received side by side may change places."""
    assert not out_of_order(
        [
            served("1.2.2", 10.1, 20),
            served("1.2.1", 10.0, 21),
            served("1.2.3", 15, 22),
            served("1.2.9", 0, 23, Lane.BACKFILL),
        ]
    )


def test_a_live_image_that_was_overtaken_is_seen() -> None:
    """By one that came later."""
    [wrong] = out_of_order([served("1.2.2", 15, 20), served("1.2.1", 10, 21)])
    assert "1.2.1" in wrong


def test_backfill_that_overtakes_live_work_is_seen() -> None:
    """It was taken while a live image waited; one that came after that is not wronged."""
    [wrong] = out_of_order(
        [
            served("1.2.9", 0, 20, Lane.BACKFILL),
            served("1.2.1", 10, 21),
            served("1.2.2", 30, 31),
        ]
    )
    assert "1.2.1" in wrong
    assert "backfill" in wrong
