"""Which images a sender's drift is told from, on both database systems."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification
from screening.domain.drift import FEWEST_IMAGES, MOST_IMAGES, Aspect, Likeness
from screening.domain.eligibility import Reason
from screening.domain.image_statistics import ImageStatistics
from screening.drift import recent_images as recent
from screening.drift.of_senders import RecentDrift, SenderDrift, read_drift
from screening.settings import Settings
from tests.rows.stored import add_bundle, add_classification, add_instance, add_score

STATISTICS = ImageStatistics(12.0, 120.0, 240.0, 0.02, 1.1, (0.5, -0.25))


def scored(session: Session, bundle: Bundle, *, covid19: float = 0.5, **of: str) -> Classification:
    """Add an image that a bundle scored; of: columns of its instance."""
    instance = add_instance(session, "1.2.3", **of)
    statistics = STATISTICS.as_dict()
    return add_score(
        session, instance, bundle, priority="STAT", covid19=covid19, image_statistics=statistics
    )


def refused(session: Session, bundle: Bundle, reason: Reason, **of: str) -> Classification:
    """Add an image that was not applicable."""
    instance = add_instance(session, "1.2.3", **of)
    return add_classification(
        session, instance, state="not_applicable", bundle_id=bundle.id, reason=reason
    )


def of_sender(database: Database, bundle: Bundle, sender: str) -> list[recent.RecentImage]:
    """Return a sender's images that count, newest first."""
    with database.read() as session:
        return recent.recent_images(session, sender, bundle.id)


def test_what_was_kept_of_an_image_comes_back(database: Database) -> None:
    """Scores and statistics by name, and its features; newest first."""
    with database.write() as session:
        bundle = add_bundle(session)
        scored(session, bundle, covid19=0.25)
        scored(session, bundle, covid19=0.75)
        session.expunge_all()
    newest, older = of_sender(database, bundle, "CR_ROOM_1")
    assert newest.features == [0.5, -0.25]
    assert newest.values["black_level"] == 12.0
    assert newest.values["feature_distance"] == 1.1
    assert (newest.values["covid19"], older.values["covid19"]) == (0.75, 0.25)


def test_only_answers_of_the_active_bundle_that_stand_count(database: Database) -> None:
    """No other sender's, no other bundle's, none that was overtaken, no verdict, none waiting."""
    with database.write() as session:
        old, bundle = add_bundle(session, name="old", role="retired"), add_bundle(session)
        scored(session, bundle)
        scored(session, old)
        scored(session, bundle, calling_ae_title="OTHER")
        overtaken = scored(session, bundle)
        overtaken.stands_since = None
        replaced = add_instance(session, "1.2.3")
        add_classification(session, replaced, state="not_applicable", reason=Reason.CORRECTED)
        add_classification(session, add_instance(session, "1.2.3"))
        add_instance(session, "1.2.3")
        session.flush()
        session.expunge_all()
    assert len(of_sender(database, bundle, "CR_ROOM_1")) == 1


def test_of_images_that_are_not_applicable_those_that_were_looked_at_count(
    database: Database,
) -> None:
    """An image refused as no chest radiograph is far away; a lateral view says nothing."""
    with database.write() as session:
        bundle = add_bundle(session)
        refused(session, bundle, Reason.UNLIKE_CHEST_RADIOGRAPH)
        refused(session, bundle, Reason.NOT_FRONTAL)
        session.expunge_all()
    (found,) = of_sender(database, bundle, "CR_ROOM_1")
    assert found.refused
    assert found.values == {}


def test_no_more_images_are_read_than_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are more instances looked at, where a new bundle has answered none of the old."""
    with database.write() as session:
        old, bundle = add_bundle(session, name="old", role="retired"), add_bundle(session)
        for _ in range(MOST_IMAGES + 2):
            scored(session, bundle)
        for _ in range(3):
            scored(session, old)
        session.expunge_all()
    assert len(of_sender(database, bundle, "CR_ROOM_1")) == MOST_IMAGES
    monkeypatch.setattr(recent, "MOST_INSTANCES", 5)
    assert len(of_sender(database, bundle, "CR_ROOM_1")) == 2


def test_senders_are_those_that_sent_most_recently(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many titles somebody calls itself by: as many as there are labels for."""
    with database.write() as session:
        assert recent.newest_senders(session) == []
        for sender in ("B", "A", "C", "B", "D"):
            add_instance(session, "1.2.3", calling_ae_title=sender)
        assert recent.newest_senders(session) == ["D", "B", "C", "A"]
        monkeypatch.setattr(recent, "MOST_SENDERS", 2)
        assert recent.newest_senders(session) == ["D", "B"]


def test_a_site_without_a_bundle_has_no_drift(database: Database, tmp_path: Path) -> None:
    """And with one that is not on this machine, refusals alone are told, and why."""
    settings = Settings(data_dir=tmp_path)
    assert read_drift(database, settings) == ()
    with database.write() as session:
        bundle = add_bundle(session)
        for _ in range(FEWEST_IMAGES):
            refused(session, bundle, Reason.UNLIKE_CHEST_RADIOGRAPH, calling_ae_title="CT9")
            scored(session, bundle, calling_ae_title="CR2")
    other, unlike = read_drift(database, settings)
    assert (other.calling_ae_title, other.gauge.likeness) == ("CR2", Likeness.UNKNOWN)
    assert "expected one bundle" in other.problem
    assert unlike.sentence == (
        "Images of CT9 look unlike any that the bundle knows (refused): do not order by its scores."
    )
    assert unlike.gauge.findings[0].aspect is Aspect.REFUSED
    (asked,) = read_drift(database, settings, "NEVER_SENT")
    assert (asked.gauge.images, asked.gauge.likeness) == (0, Likeness.TOO_FEW)


def test_the_gauges_are_read_once_for_all_that_ask() -> None:
    """And again when they are old."""
    reads: list[int] = []

    def read() -> tuple[SenderDrift, ...]:
        reads.append(1)
        return ()

    recently, anew = RecentDrift(read), RecentDrift(read, recent_s=-1)
    for _ in range(3):
        recently()
    assert len(reads) == 1
    for _ in range(3):
        anew()
    assert len(reads) == 4
