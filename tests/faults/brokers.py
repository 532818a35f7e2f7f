"""Redis emptied, stopped and started again; doorbells rung a thousand times too often."""

import signal
import time

import redis

from screening.doorbell.app import make_celery_app
from screening.doorbell.names import TASK_OF_QUEUE
from tests.faults.course import Course, require_effect

RINGS = 1000


def redis_flushed(course: Course) -> str:
    """FLUSHALL every few seconds while anything waits."""
    server = course.installation.redis
    assert server is not None
    flushes = 0
    deadline = time.monotonic() + course.times(short=3, full=60)
    with redis.Redis.from_url(server.url) as client:
        while time.monotonic() < deadline and (course.waiting or not flushes):
            client.flushall()
            flushes += 1
            course.pause(short_s=0.3, full_s=3)
    return require_effect(flushes, "times emptied")


def redis_restarted(course: Course) -> str:
    """Kill Redis, which keeps nothing, and start it again at once."""
    server = course.installation.redis
    assert server is not None
    times = course.times(short=2, full=4)
    for time_ in range(times):
        course.wait_for(time_ / times)
        server.stop(signal.SIGKILL)
        server.start()
        course.pause(short_s=1, full_s=5)
    return f"{times} restarts, nothing kept"


def redis_away(course: Course) -> str:
    """Stop Redis for a while; objects go on coming in."""
    server = course.installation.redis
    assert server is not None
    with course.kept_back_after(0.1):
        server.stop(signal.SIGTERM)
    taken = len(course.sending.acknowledged)
    course.pause(short_s=5, full_s=60)
    server.start()
    more = len(course.sending.acknowledged) - taken
    return "away a while, " + require_effect(more, "objects taken meanwhile")


def doorbells_rung(course: Course) -> str:
    """Ring each doorbell a thousand times more than there is work."""
    app = make_celery_app(course.installation.site.settings)
    course.wait_for(0.2)
    with app.connection_for_write() as connection:
        for _ in range(RINGS):
            for task in TASK_OF_QUEUE.values():
                app.send_task(task, connection=connection, retry=False)
    return f"{RINGS} rings too many, twice"
