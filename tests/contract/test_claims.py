"""Whose turn it is at a study: one reader at a time, on both database systems."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from screening.db.recount import recount
from screening.db.session import Database
from screening.db.standing_results import settle
from screening.db.states import change_state
from screening.db.tables.instances import Bundle, Event, Instance
from screening.db.tables.readings import Feedback
from screening.domain.lifecycle import BundleRole
from screening.domain.reading import Actor, Label, Opinion, StudyReading
from screening.errors import DecisionRefusedError
from screening.ops.reading.claims import (
    claim_study,
    mark_read,
    open_claims,
    release_claim,
    take_back,
)
from screening.ops.reading.feedback import give_feedback
from screening.spool.store import Spool
from screening.worklist.studies.ordering import ReadingPriority, read_worklist
from tests.rows.readings import OTTO, RITA, RUTH, add_study, entry_of, read_by
from tests.rows.resending import image, take
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score

STUDY = "1.2.3.1"
"""That of the images that `resending` makes."""


def listed(database: Database) -> list[str]:
    """Return the studies of the list, in its order."""
    return [entry.study_instance_uid for entry in read_worklist(database).entries]


def test_of_readers_who_claim_at_once_one_has_the_study(database: Database) -> None:
    """Whoever comes first; all others are told who that is."""
    add_study(database, STUDY, "STAT")
    readers = [Actor(f"reader {number}") for number in range(8)]
    ready = threading.Barrier(len(readers))

    def claim(reader: Actor) -> str:
        ready.wait()
        try:
            claim_study(database, STUDY, reader)
        except DecisionRefusedError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(readers)) as threads:
        answers = dict(zip(readers, threads.map(claim, readers), strict=True))
    (winner,) = (reader.name for reader, answer in answers.items() if not answer)
    refused = [answer for answer in answers.values() if answer]
    assert all(answer.startswith(f"the study was claimed by {winner} at 20") for answer in refused)
    entry = entry_of(database, STUDY)
    assert (entry.reading, entry.reader) == (StudyReading.CLAIMED, winner)
    assert [claim.claimed_by for claim in open_claims(database)] == [winner]


def test_a_study_is_claimed_read_and_off_the_list(database: Database) -> None:
    """A claim leaves it on the list, for all to see; read, it is found as such."""
    add_study(database, STUDY, "STAT")
    add_study(database, "1.2.4.1", "LOW")
    claim_study(database, STUDY, RITA)
    claim_study(database, STUDY, RITA)
    assert listed(database) == [STUDY, "1.2.4.1"]
    with pytest.raises(DecisionRefusedError, match="the study was claimed by rita at"):
        read_by(database, STUDY, RUTH)
    read_by(database, STUDY)
    entry = entry_of(database, STUDY)
    assert (entry.reading, entry.reader, entry.overdue) == (StudyReading.READ, "rita", False)
    assert entry.reading_since is not None
    assert listed(database) == ["1.2.4.1"]
    with pytest.raises(DecisionRefusedError, match="rita has read it"):
        claim_study(database, STUDY, RUTH)
    with pytest.raises(DecisionRefusedError, match="marked read by rita already"):
        read_by(database, STUDY)


def test_a_claim_is_released_by_its_reader_or_an_operator(database: Database) -> None:
    """No other reader ends it; released, the next one may have it."""
    add_study(database, STUDY, "STAT")
    claim_study(database, STUDY, RITA)
    with pytest.raises(DecisionRefusedError, match="found that rita has"):
        release_claim(database, STUDY, RUTH)
    assert release_claim(database, STUDY, OTTO) == "rita"
    assert entry_of(database, STUDY).reading is StudyReading.UNREAD
    with pytest.raises(DecisionRefusedError, match="found no claim"):
        release_claim(database, STUDY, OTTO)
    claim_study(database, STUDY, RUTH)
    assert release_claim(database, STUDY, RUTH) == "ruth"
    with database.read() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds == ["study_claimed", "claim_released"] * 2


def test_a_reading_taken_back_puts_the_study_on_the_list(database: Database) -> None:
    """By whoever read it, or an operator; its feedback stands."""
    add_study(database, STUDY, "STAT")
    read_by(database, STUDY, label=Label.COVID19)
    with pytest.raises(DecisionRefusedError, match="they or an operator"):
        take_back(database, STUDY, RUTH)
    take_back(database, STUDY, RITA)
    entry = entry_of(database, STUDY)
    assert (entry.reading, entry.returned) == (StudyReading.UNREAD, False)
    with pytest.raises(DecisionRefusedError, match="found one that is unread"):
        take_back(database, STUDY, RITA)
    with database.read() as session:
        assert session.scalars(select(Feedback.label)).all() == [Label.COVID19]


def test_what_nobody_was_shown_is_not_marked_read(database: Database) -> None:
    """An image that arrived since the page was loaded stops the mark."""
    add_study(database, STUDY, "LOW")
    claim_study(database, STUDY, RITA)
    add_study(database, STUDY, "LOW")
    with pytest.raises(DecisionRefusedError, match="the 1 images that you were shown, found 2"):
        mark_read(database, STUDY, RITA, images_seen=1)
    mark_read(database, STUDY, RITA, images_seen=2)


@pytest.mark.parametrize("way", ["received", "added"])
def test_new_images_bring_a_read_study_back(database: Database, spool: Spool, way: str) -> None:
    """As unread, whichever way the row is kept; a repetition of the same bytes does not."""
    add_study(database, STUDY, "STAT")
    read_by(database, STUDY)
    if way == "received":
        for _ in range(2):
            take(database, spool, image())
    else:
        add_study(database, STUDY, "LOW")
    entry = entry_of(database, STUDY)
    assert (entry.reading, entry.reader, entry.returned) == (StudyReading.UNREAD, None, True)
    assert recount(database).agrees
    read_by(database, STUDY, RUTH)
    assert entry_of(database, STUDY).reader == "ruth"
    if way == "received":
        take(database, spool, image())
        assert entry_of(database, STUDY).reading is StudyReading.READ


def test_a_claimed_study_rises_and_does_not_fall(database: Database) -> None:
    """New images and newer bundles raise it at once; what would lower it waits until it is read."""
    add_study(database, STUDY, "HIGH", 0.6)
    lower(database, bundle="second")
    assert entry_of(database, STUDY).priority is ReadingPriority.LOW
    claim_study(database, STUDY, RITA)
    add_study(database, STUDY, "STAT", 0.9)
    raised = entry_of(database, STUDY)
    assert (raised.priority, raised.priority_score, raised.held) == ("STAT", 0.9, True)
    lower(database, bundle="third")
    kept = entry_of(database, STUDY)
    assert (kept.priority, kept.priority_score, kept.priority_rule) == (
        raised.priority,
        raised.priority_score,
        raised.priority_rule,
    )
    assert kept.covid19 == 0.1
    release_claim(database, STUDY, RITA)
    assert entry_of(database, STUDY).priority is ReadingPriority.STAT
    read_by(database, STUDY)
    assert (entry_of(database, STUDY).priority, entry_of(database, STUDY).held) == ("LOW", False)


def test_a_first_score_may_lower_what_had_none(database: Database) -> None:
    """A claim holds a finding, and not the doubt about an image that was not scored yet."""
    with database.write() as session:
        add_bundle(session)
        add_classification(session, add_instance(session, STUDY))
    claim_study(database, STUDY, RITA)
    assert entry_of(database, STUDY).priority is ReadingPriority.UNSCORED
    with database.write() as session:
        waiting = session.scalars(select(Instance)).one().classifications[0]
        session.delete(waiting)
        session.flush()
        bundle = session.scalars(select(Bundle)).one()
        image = session.scalars(select(Instance)).one()
        add_score(session, image, bundle, priority="LOW", covid19=0.1)
    assert entry_of(database, STUDY).priority is ReadingPriority.LOW


def test_feedback_fits_the_answer(database: Database) -> None:
    """Who agrees names the class that was called, or none; who disagrees another one."""
    add_study(database, STUDY, "STAT")
    add_study(database, "1.2.4.1", "LOW")
    for study in (STUDY, "1.2.4.1"):
        read_by(database, study)
    with pytest.raises(DecisionRefusedError, match="where the system found COVID-19; choose"):
        give_feedback(database, STUDY, RITA, Opinion(agrees=True, label=Label.NORMAL))
    with pytest.raises(DecisionRefusedError, match="found none; choose one"):
        give_feedback(database, STUDY, RITA, Opinion(agrees=False, label=None))
    with pytest.raises(DecisionRefusedError, match="where the system found neither disease"):
        give_feedback(database, "1.2.4.1", RITA, Opinion(agrees=True, label=Label.PNEUMONIA))
    give_feedback(database, STUDY, RITA, Opinion(agrees=True, label=None))
    give_feedback(database, STUDY, RUTH, Opinion(agrees=False, label=Label.OTHER_ABNORMAL))
    give_feedback(database, "1.2.4.1", RITA, Opinion(agrees=True, label=Label.OTHER_ABNORMAL))
    with database.read() as session:
        rows = session.scalars(select(Feedback).order_by(Feedback.id)).all()
    assert [(row.label, row.agrees, row.called, row.given_by) for row in rows] == [
        ("covid19", True, "covid19", "rita"),
        ("other_abnormal", False, "covid19", "ruth"),
        ("other_abnormal", True, None, "rita"),
    ]
    assert recount(database).agrees


def test_whoever_has_no_name_claims_nothing(database: Database) -> None:
    """Of a page without login the database cannot say who reads what."""
    with pytest.raises(DecisionRefusedError, match="SCREENING_WEB_AUTHENTICATION"):
        claim_study(database, STUDY, Actor(""))
    with pytest.raises(DecisionRefusedError, match="expected a study that was received"):
        claim_study(database, STUDY, RITA)


def test_an_image_recorded_late_brings_the_study_back_too(database: Database) -> None:
    """Rows that are written side by side may be committed in another order than numbered."""
    with database.write() as session:
        add_classification(session, add_instance(session, STUDY, id=1000))
    read_by(database, STUDY)
    with database.write() as session:
        add_classification(session, add_instance(session, STUDY, id=999))
    assert entry_of(database, STUDY).returned


def lower(database: Database, *, bundle: str) -> None:
    """Have a newer bundle become active, which finds nothing in any image."""
    with database.write() as session:
        active = session.scalars(select(Bundle).where(Bundle.role == "active")).one()
        change_state(active, BundleRole.RETIRED)
        session.flush()
        newer = add_bundle(session, name=bundle)
        for image in session.scalars(select(Instance).order_by(Instance.id)):
            add_score(
                session,
                image,
                newer,
                priority="LOW",
                covid19=0.1,
                priority_rule="no class reached its threshold",
                stands_since=None,
                report_state="none",
                finished_at=NOON + timedelta(days=1),
            )
            settle(session, image.id)
