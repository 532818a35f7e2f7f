"""Clocks that jump, and leases that are an hour off because one did."""

from datetime import timedelta

from sqlalchemy import update

from screening.db.clock import shared_now
from screening.db.tables.instances import Classification, Delivery
from screening.domain.lifecycle import ClassificationState, DeliveryState
from tests.faults.course import Course, require_effect
from tests.sites.site import wait_until

HOUR_S = 3600


def clocks_jump(course: Course) -> str:
    """Set the stations' clocks an hour ahead, then behind, each time with a worker killed."""
    here = course.installation
    try:
        for offset_s in (HOUR_S, -HOUR_S):
            course.wait_for(0.3)
            course.wait_for_claim()
            here.set_clocks(offset_s)
            ready = here.stations.times_ready("classify")
            here.stations.kill("classify")
            here.stations.wait_until_ready("classify", after=ready)
            course.pause(short_s=0, full_s=5)
    finally:
        here.set_clocks(0)
    return "an hour ahead, an hour behind"


def leases_off(course: Course) -> str:
    """Put leases an hour ahead whose workers are killed, as a clock set back leaves them."""
    here, moved = course.installation, 0
    killed = here.destination.between_arrival_and_answer(lambda: here.stations.kill("report"))
    course.wait_for_claim()
    here.stations.kill("classify")
    wait_until(lambda: killed.is_set() or not course.waiting, "a report to arrive")
    with here.database.write() as session:
        ahead = shared_now(session) + timedelta(seconds=HOUR_S)
        for table, state in (
            (Classification, ClassificationState.CLAIMED),
            (Delivery, DeliveryState.SENDING),
        ):
            held = update(table).where(table.state == state)
            values = held.values(lease_expires_at=ahead)
            moved += len(session.scalars(values.returning(table.id)).all())
    return require_effect(moved, "leases moved")
