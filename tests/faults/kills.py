"""Processes that are killed, all with SIGKILL, or stopped for longer than they may be."""

import signal
from contextlib import suppress

from sqlalchemy import select

from screening.db.tables.instances import Classification, Instance
from screening.domain.lifecycle import ClassificationState
from screening.errors import TransientError
from tests.faults.course import Course, require_effect
from tests.sites.site import wait_until

SECOND_WORKER = "classify-2"


def nothing(course: Course) -> str:
    """Measure what the work itself takes."""
    course.wait_for(1)
    return "undisturbed"


def scp_killed(course: Course) -> str:
    """Kill the SCP at random moments until every object is taken."""
    kills = 0
    while not course.sending.is_finished and kills < course.times(short=3, full=20):
        course.installation.wait_for_scp()
        course.at_random(0.1, 1.0)
        course.installation.stations.kill("receive")
        kills += 1
    return require_effect(kills, "kills")


def classify_killed(course: Course) -> str:
    """Kill the classify worker whenever it has a batch."""
    here, in_mid_batch = course.installation, 0
    while in_mid_batch < course.times(short=1, full=4) and course.wait_for_claim():
        ready = here.stations.times_ready("classify")
        here.stations.kill("classify")
        in_mid_batch += here.claimed(course.objects) > 0
        here.stations.wait_until_ready("classify", after=ready)
    return require_effect(in_mid_batch, "batches cut off")


def report_killed(course: Course) -> str:
    """Kill the report worker when the destination has stored a report but not answered yet."""
    here = course.installation
    times = course.times(short=1, full=4)
    for _ in range(times):
        ready = here.stations.times_ready("report")
        killed = here.destination.between_arrival_and_answer(lambda: here.stations.kill("report"))
        wait_until(lambda: killed.is_set() or not course.waiting, "a report to arrive")  # noqa: B023
        if not killed.is_set():
            break
        here.stations.wait_until_ready("report", after=ready)
    again = len(here.destination.arrivals) - len(set(here.destination.arrivals))
    return f"{times} kills, {again} reports sent again so far"


def all_killed(course: Course) -> str:
    """Kill every station in the same moment; no image is to be tried alone and killed each time."""
    here, kills = course.installation, course.times(short=1, full=3)
    for kill in range(kills):
        course.wait_for((kill + 1) / (kills + 1))
        ready, ended = here.stations.times_ready("classify"), here.ended(course.objects)
        here.stations.kill("receive", "classify", "report")
        here.stations.wait_until_ready("classify", after=ready)
        here.wait_for_scp()
        wait_until(
            lambda: here.ended(course.objects) > ended or not course.waiting,  # noqa: B023
            "work to go on",
        )
    return f"{kills} times all three"


def lease_lost(course: Course) -> str:
    """Stop a worker in mid-batch until another has done its batch, then let it go on."""
    here = course.installation
    wait_until(lambda: _stopped_in_mid_batch(course), "a worker to be stopped in mid-batch")
    here.stations.add(SECOND_WORKER)
    try:
        wait_until(lambda: here.tried_again(course.objects) > 0, "another to take the batch over")
        wait_until(lambda: not course.waiting, "the other to do all")
        before = _results(course)
        lost = here.site.log("classify").count("lease_lost")
        here.stations.signal(signal.SIGCONT, "classify")
        wait_until(
            lambda: here.site.log("classify").count("lease_lost") > lost, "the late worker's end"
        )
        assert _results(course) == before, "the late worker changed a result"
    finally:
        here.stations.signal(signal.SIGCONT, "classify")
        here.stations.remove(SECOND_WORKER)
    return require_effect(here.tried_again(course.objects), "images done by another")


def _stopped_in_mid_batch(course: Course) -> bool:
    """Stop the worker; let it go on again where it has no batch, or stopped while it wrote one."""
    here = course.installation
    claimed = course.wait_for_claim(at_least=2)
    here.stations.signal(signal.SIGSTOP, "classify")
    if claimed and here.claimed(course.objects) and _claims_can_be_locked(course):
        return True
    here.stations.signal(signal.SIGCONT, "classify")
    return False


def _claims_can_be_locked(course: Course) -> bool:
    claims = select(Classification.id).where(Classification.state == ClassificationState.CLAIMED)
    with suppress(TransientError), course.installation.database.write() as session:
        open_claims = session.scalars(claims.with_for_update(skip_locked=True)).all()
        return len(open_claims) == len(session.scalars(claims).all())
    return False


def _results(course: Course) -> dict[int, tuple[object, ...]]:
    rows = select(
        Classification.id, Classification.state, Classification.covid19, Classification.finished_at
    )
    rows = rows.join(Instance).where(
        Instance.study_instance_uid == course.objects.study_instance_uid
    )
    with course.installation.database.read() as session:
        return {row[0]: tuple(row) for row in session.execute(rows)}
