"""Notices what has changed since the AEs that watch were told last, from the audit trail.

Whatever changes a step leaves an event: an image or a result that came, a claim, a reading. How far
the trail was read is a row, so that nothing is missed while the process is down.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from screening.db.event_mark import LATE_EVENTS, newest_mark
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.db.tables.procedure_steps import ProcedureStep, StepSubscription, StepWatch
from screening.domain.procedure_step import FINAL_STATES, EventType
from screening.imaging.quiet import quiet
from screening.ups.steps.attributes import Terms, step_data_set
from screening.ups.steps.content import read_content
from screening.ups.steps.turns import STUDIES_A_QUERY, Step, current_steps, named_steps, remember
from screening.ups.watching.events import priority_information, state_information
from screening.ups.watching.reports import add_reports, give_up_oldest
from screening.ups.watching.watchers import Watchers, read_watchers

EVENTS_AT_ONCE = 2000
"""Read in one transaction, beside the LATE_EVENTS before them."""


class StepWatcher:
    """Has AEs told of the steps of one database."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def look(self) -> None:
        """Add the reports that have become due. Raises DatabaseUnavailableError."""
        mark = newest_mark(self._database)
        with self._database.read() as session:
            watch = session.get(StepWatch, 1)
        if watch is None or watch.mark == mark:
            return  # nobody has subscribed yet, or nothing has happened
        while not self._look_on(mark):
            pass

    def _look_on(self, mark: str) -> bool:
        """Read on in the audit trail, in one transaction; return whether its end is reached."""
        with self._database.write() as session:
            watch = session.get_one(StepWatch, 1, with_for_update=True)
            if session.scalar(select(StepSubscription.id).limit(1)) is None:
                watch.event_id = watch.first_event_id = newest_event(session)
                watch.mark = mark
                return True
            events = _events_from(session, max(watch.event_id - LATE_EVENTS, watch.first_event_id))
            is_end = len(events) < EVENTS_AT_ONCE + LATE_EVENTS
            studies = sorted({study for _, study in events if study})
            for start in range(0, len(studies), STUDIES_A_QUERY):
                self._compare(session, studies[start : start + STUDIES_A_QUERY])
            watch.event_id = max([watch.event_id, *(number for number, _ in events)])
            watch.mark = mark if is_end else ""
        return is_end

    def _compare(self, session: Session, studies: Sequence[str]) -> None:
        """Add reports of those steps of some studies that are not as they were told."""
        with quiet():
            steps = _steps_of(session, studies)
            uids = [step.sop_instance_uid for step in steps]
            named = ProcedureStep.sop_instance_uid.in_(uids)
            rows = {
                row.sop_instance_uid: row
                for row in session.scalars(select(ProcedureStep).where(named))
            }
            watchers = read_watchers(session, [row.id for row in rows.values()])
            titles = {
                title
                for step in steps
                for title in self._tell(session, step, rows[step.sop_instance_uid], watchers)
            }
            for title in sorted(titles):
                give_up_oldest(session, title)

    def _tell(
        self, session: Session, step: Step, row: ProcedureStep, watchers: Watchers
    ) -> Collection[str]:
        """Add the report of a step, if one is due; return who is told."""
        told = row.told_state, row.told_readiness, row.told_priority
        row.told_state, row.told_readiness = step.state.value, step.readiness.value
        row.told_priority = step.priority.value
        kind = _event_type(step, *told)
        if kind is None or watchers.are_none:
            return ()
        study = step.entry.study_instance_uid
        titles = watchers.of(
            row.id,
            lambda: step_data_set(step, self._terms, read_content(session, [study])[study]),
        )
        is_state = kind is EventType.STATE_REPORT
        information = state_information(step) if is_state else priority_information(step)
        add_reports(session, titles, row.id, kind, information)
        return titles


def _event_type(
    step: Step, state: str | None, readiness: str | None, priority: str | None
) -> EventType | None:
    """Return what is to be reported of a step, given what was told before; None: nothing."""
    is_over = step.state in FINAL_STATES
    if state != step.state or (readiness != step.readiness and not is_over):
        return EventType.STATE_REPORT
    is_another = priority != step.priority and not is_over
    return EventType.PROGRESS_REPORT if is_another else None


def newest_event(session: Session) -> int:
    """Return the number of the newest event, 0 where there is none."""
    return int(session.scalar(select(func.max(Event.id))) or 0)


def _events_from(session: Session, event_id: int) -> Sequence[tuple[int, str | None]]:
    """Return the events behind this one, as many as are read at once."""
    rows = (
        select(Event.id, Event.study_instance_uid)
        .where(Event.id > event_id)
        .order_by(Event.id)
        .limit(EVENTS_AT_ONCE + LATE_EVENTS)
    )
    return [(number, study) for number, study in session.execute(rows)]


def _steps_of(session: Session, studies: Sequence[str]) -> list[Step]:
    """Return the steps of some studies that watchers may not know as they are, each remembered."""
    current = current_steps(session, studies)
    remember(session, [step for step in current if step.told is None])
    told = select(ProcedureStep.sop_instance_uid).where(
        ProcedureStep.study_instance_uid.in_(studies),
        ProcedureStep.told_state.is_(None) | ProcedureStep.told_state.not_in(FINAL_STATES),
    )
    found = {step.sop_instance_uid: step for step in current}
    others = [uid for uid in session.scalars(told) if uid not in found]
    for step in named_steps(session, others):
        found[step.sop_instance_uid] = step
    return list(found.values())
