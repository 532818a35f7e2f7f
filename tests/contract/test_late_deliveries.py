"""A destination that was added later gets what it does not have, once, whatever happens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Event, Instance, Report
from screening.renderings.structured_report.profiles import Profile
from screening.report import late_deliveries, outbox
from screening.report.late_deliveries import LateReports, add_ready, find_late, make_and_add
from screening.spool.store import Spool
from tests.contract.test_outbox import add_newer_result, add_result
from tests.rows.stored import NOON

OLD = {"pacs": Profile.COMPREHENSIVE}
LONG_AGO = NOON - timedelta(days=1)
UIDS = [f"1.2.3.1.1.{number}" for number in range(1, 6)]


@pytest.fixture
def reported(database: Database, spool: Spool) -> Database:
    """Return a site whose five results were reported to the destination `pacs` alone."""
    for uid in UIDS:
        add_result(database, spool, uid)
    while outbox.make_due_reports(database, spool, OLD):
        pass
    return database


def late(database: Database, name: str, profile: Profile = Profile.COMPREHENSIVE) -> LateReports:
    """Return what a destination does not have."""
    return find_late(database, name, profile, LONG_AGO)


def send(database: Database, spool: Spool, name: str, profile: Profile) -> int:
    """Send it, as the command does; return how many deliveries the destination has then."""
    lacking = late(database, name, profile)
    add_ready(database, name, lacking.ready)
    for classification_id in lacking.to_make:
        assert make_and_add(database, spool, classification_id, name=name, profile=profile) == ""
    return delivered_to(database, name)


def delivered_to(database: Database, name: str) -> int:
    """Return how many deliveries a destination has, each of another report."""
    with database.read() as session:
        rows = session.scalars(select(Delivery.report_id).where(Delivery.destination == name)).all()
    assert len(set(rows)) == len(rows)
    return len(rows)


def test_reports_of_the_same_profile_are_sent_as_they_are(reported: Database, spool: Spool) -> None:
    """No new report is made; sending again adds nothing; the trail says it was asked for."""
    assert late(reported, "viewer").as_dict() == {
        "ready": 5, "to_make": 0, "being_made": 0, "not_possible": 0, "not_routed": 0,
    }  # fmt: skip
    assert late(reported, "pacs").to_send == 0
    for _ in range(2):
        assert send(reported, spool, "viewer", Profile.COMPREHENSIVE) == 5
        assert late(reported, "viewer").to_send == 0
    with reported.read() as session:
        assert session.scalar(select(func.count()).select_from(Report)) == 5
        added = select(Event.detail).where(Event.kind == "delivery_added")
        assert [one["destination"] for one in session.scalars(added)] == ["viewer"] * 5


def test_reports_of_another_profile_are_made_first(reported: Database, spool: Spool) -> None:
    """For this destination alone: no other one gets what nobody asked for."""
    assert late(reported, "viewer", Profile.BASIC_TEXT).as_dict() == {
        "ready": 0, "to_make": 5, "being_made": 0, "not_possible": 0, "not_routed": 0,
    }  # fmt: skip
    for _ in range(2):
        assert send(reported, spool, "viewer", Profile.BASIC_TEXT) == 5
    assert delivered_to(reported, "pacs") == 5
    with reported.read() as session:
        profiles = session.execute(
            select(Report.profile, func.count()).group_by(Report.profile)
        ).all()
        states = session.scalars(select(Classification.report_state)).all()
    assert dict(profiles) == {"comprehensive": 5, "basic_text": 5}
    assert set(states) == {"made"}


def test_what_was_begun_is_finished_by_the_next(
    reported: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption between two transactions loses and doubles nothing."""
    monkeypatch.setattr(late_deliveries, "ROWS_A_TRANSACTION", 2)
    lacking = late(reported, "viewer")
    add_ready(reported, "viewer", lacking.ready[:3])
    assert late(reported, "viewer").ready == lacking.ready[3:]
    assert add_ready(reported, "viewer", lacking.ready) == 2
    assert delivered_to(reported, "viewer") == 5


@pytest.mark.parametrize("profile", [Profile.COMPREHENSIVE, Profile.BASIC_TEXT])
def test_two_at_once_send_each_report_once(
    reported: Database, spool: Spool, profile: Profile
) -> None:
    """Two operators type the same command."""

    def one(_: int) -> None:
        lacking = late(reported, "viewer", profile)
        add_ready(reported, "viewer", lacking.ready)
        for classification_id in lacking.to_make:
            make_and_add(reported, spool, classification_id, name="viewer", profile=profile)

    with ThreadPoolExecutor(4) as operators:
        list(operators.map(one, range(4)))
    assert delivered_to(reported, "viewer") == 5


def test_two_destinations_of_one_new_profile_both_get_it(reported: Database, spool: Spool) -> None:
    """The report that is made for the first is the second's, too, whoever looked first."""
    first, second = (late(reported, name, Profile.BASIC_TEXT) for name in ("viewer", "archive"))
    for name, lacking in (("viewer", first), ("archive", second)):
        for classification_id in lacking.to_make:
            make_and_add(reported, spool, classification_id, name=name, profile=Profile.BASIC_TEXT)
    assert delivered_to(reported, "viewer") == delivered_to(reported, "archive") == 5


def test_only_the_result_that_stands_is_sent(reported: Database, spool: Spool) -> None:
    """Of an image with two results the newer, once its report is made; before, it is being made."""
    add_newer_result(reported)
    assert late(reported, "viewer").as_dict() == {
        "ready": 4, "to_make": 0, "being_made": 1, "not_possible": 0, "not_routed": 0,
    }  # fmt: skip
    assert outbox.make_due_reports(reported, spool, OLD) == 1
    assert send(reported, spool, "viewer", Profile.COMPREHENSIVE) == 5
    with reported.read() as session:
        sent = select(Report.predecessor_id).join(Delivery).where(Delivery.destination == "viewer")
        assert [one is not None for one in session.scalars(sent)].count(True) == 1


def test_only_images_received_since_then_are_sent(reported: Database) -> None:
    """The operator says how far back."""
    with reported.write() as session:
        for image in session.scalars(select(Instance).where(Instance.sop_instance_uid < UIDS[2])):
            image.received_at = LONG_AGO - timedelta(seconds=1)
    assert len(late(reported, "viewer").ready) == 3


def test_what_is_given_up_or_refused_is_left_alone(reported: Database) -> None:
    """`screening deliveries retry` is for that."""
    with reported.write() as session:
        for delivery in session.scalars(select(Delivery)):
            delivery.state = "given_up"
    assert late(reported, "pacs").to_send == 0


def test_images_that_are_gone_are_counted_and_hold_up_nothing(
    reported: Database, spool: Spool
) -> None:
    """Their reports are sent where they are there; in another profile none can be made."""
    with reported.write() as session:
        gone = session.scalars(select(Instance).where(Instance.sop_instance_uid == UIDS[0])).one()
        gone.removing_since = gone.removed_at = NOON
    assert len(late(reported, "viewer").ready) == 5
    lacking = late(reported, "viewer", Profile.BASIC_TEXT)
    assert (len(lacking.to_make), lacking.not_possible) == (4, 1)
    with reported.read() as session:
        sha256 = session.scalars(
            select(Instance.sha256).where(Instance.sop_instance_uid == UIDS[1])
        ).one()
    spool.path_of(sha256).unlink()
    reasons = [
        make_and_add(reported, spool, one, name="viewer", profile=Profile.BASIC_TEXT)
        for one in lacking.to_make
    ]
    assert [bool(reason) for reason in reasons] == [True, False, False, False]
    assert "is the spool mounted here?" in reasons[0]
