"""Procedure steps are turns at reading, on both database systems."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.clock import utc_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.procedure_steps import (
    ProcedureStep,
    StepReport,
    StepSubscription,
    StepWatch,
)
from screening.domain.procedure_step import Readiness, StepPriority, StepState
from screening.ops.reading.claims import claim_study, release_claim, take_back
from screening.ups.operations.find import Finder
from screening.ups.steps.attributes import Terms
from screening.ups.steps.turns import Step, current_steps, named_steps, tell
from screening.ups.watching import reports
from screening.ups.watching.watch import StepWatcher
from tests.rows.readings import RITA, add_study, read_by
from tests.rows.stored import add_classification, add_instance

STUDY = "1.2.3.1"
TERMS = Terms("LIST")


def step_of(database: Database, study: str = STUDY) -> Step:
    """Return the step of a study that counts now, and remember it."""
    with database.read() as session:
        steps = current_steps(session, [study])
    tell(database, steps)
    return steps[0]


def state_of(database: Database, uid: str) -> StepState:
    """Return the state of a step that was told."""
    with database.read() as session:
        [step] = named_steps(session, [uid])
    return step.state


def test_a_turn_that_ends_without_a_reading_is_followed_by_another(database: Database) -> None:
    """The first stays CANCELED, however often the study is claimed afterwards."""
    add_study(database, STUDY, "STAT")
    first = step_of(database)
    assert (first.state, first.priority, first.readiness) == (
        StepState.SCHEDULED,
        StepPriority.HIGH,
        Readiness.READY,
    )
    claim_study(database, STUDY, RITA)
    claimed = step_of(database)
    assert claimed.sop_instance_uid == first.sop_instance_uid
    assert claimed.state is StepState.IN_PROGRESS
    release_claim(database, STUDY, RITA)
    second = step_of(database)
    claim_study(database, STUDY, RITA)
    assert state_of(database, first.sop_instance_uid) is StepState.CANCELED
    assert state_of(database, second.sop_instance_uid) is StepState.IN_PROGRESS


def test_a_reading_is_completed_for_good(database: Database) -> None:
    """A new image brings another step; so does a reading that is taken back."""
    add_study(database, STUDY, "LOW")
    first = step_of(database)
    read_by(database, STUDY)
    assert step_of(database).sop_instance_uid == first.sop_instance_uid
    add_study(database, STUDY, "LOW")
    second = step_of(database)
    assert second.sop_instance_uid != first.sop_instance_uid
    read_by(database, STUDY)
    take_back(database, STUDY, RITA)
    third = step_of(database)
    assert third.state is StepState.SCHEDULED
    for step in (first, second):
        assert state_of(database, step.sop_instance_uid) is StepState.COMPLETED
    assert len({first.sop_instance_uid, second.sop_instance_uid, third.sop_instance_uid}) == 3


def test_an_image_without_a_result_makes_a_step_incomplete(database: Database) -> None:
    """Whoever reads it then has not all that they may have in a moment."""
    with database.write() as session:
        add_classification(session, add_instance(session, STUDY))
    step = step_of(database)
    assert (step.readiness, step.priority) == (Readiness.INCOMPLETE, StepPriority.MEDIUM)


def test_queries_run_on_both_database_systems(database: Database) -> None:
    """Along the list, by patient, and with images and reports."""
    for study, priority in (("1.2.3.1", "LOW"), ("1.2.3.2", "STAT"), ("1.2.3.3", "HIGH")):
        add_study(database, study, priority)
    read_by(database, "1.2.3.3")
    found = asked(database, StudyInstanceUID="", PatientID="", InputInformationSequence=[])
    assert [match.StudyInstanceUID for match in found] == ["1.2.3.2", "1.2.3.1", "1.2.3.3"]
    assert all(match.InputInformationSequence for match in found)
    again = asked(database, PatientID=found[1].PatientID, StudyInstanceUID="")
    assert [match.StudyInstanceUID for match in again] == ["1.2.3.1"]
    done = asked(database, ProcedureStepState="COMPLETED", StudyInstanceUID="")
    assert [match.StudyInstanceUID for match in done] == ["1.2.3.3"]


def asked(database: Database, **keys: Any) -> list[Dataset]:
    """Return the matches of a query."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    event: Any = SimpleNamespace(identifier=identifier)
    return [match for _, match in Finder(database, TERMS).find(event) if match is not None]


def test_of_an_ae_that_is_gone_the_newest_reports_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a limit the oldest are given up. What did not change is not told again."""
    monkeypatch.setattr(reports, "MOST_OPEN_REPORTS", 1)
    watcher = StepWatcher(database, TERMS)
    watcher.look()
    add_study(database, STUDY, "LOW")
    with database.write() as session:
        session.add(StepWatch(id=1, event_id=0, first_event_id=0, mark=""))
        session.add(
            StepSubscription(
                receiving_ae_title="GONE", wanted=True, deletion_lock=False, subscribed_at=utc_now()
            )
        )
        add_event(session, "instance_classified", study_instance_uid=STUDY)
    watcher.look()
    claim_study(database, STUDY, RITA)
    watcher.look()
    with database.write() as session:
        add_event(session, "report_made", study_instance_uid=STUDY)
    watcher.look()
    with database.read() as session:
        rows = session.scalars(select(StepReport).order_by(StepReport.id)).all()
        [step] = session.scalars(select(ProcedureStep)).all()
    assert [(row.state, row.event_type) for row in rows] == [("given_up", 1), ("due", 1)]
    assert rows[1].information["00741000"]["Value"] == ["IN PROGRESS"]
    assert (step.told_state, step.told_priority) == ("IN PROGRESS", "LOW")


def test_a_step_is_remembered_once(database: Database) -> None:
    """However often it is answered."""
    for number in range(3):
        add_study(database, f"1.2.3.{number + 1}", "LOW")
    asked(database, SOPInstanceUID="")
    with database.read() as session:
        before = session.scalars(select(ProcedureStep.id)).all()
    asked(database, SOPInstanceUID="")
    with database.read() as session:
        assert session.scalars(select(ProcedureStep.id)).all() == before
    assert len(before) == 3
