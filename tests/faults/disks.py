"""A disk that is full, read-only, or below the site's watermark."""

import contextlib

from tests.faults.course import Course, require_effect
from tests.faults.images import SCORED_SIDE_PIXELS
from tests.faults.senders import SENDERS
from tests.faults.small_disk import SmallDisk

HALF_AN_OBJECT_BYTES = SCORED_SIDE_PIXELS**2 // 2
HALF_A_MIB = 1 << 19
OUT_OF_RESOURCES = "0xA700"


def disk_full(course: Course) -> str:
    """Let the disk be full in the middle of an object, and kill the SCP in the midst of it."""
    disk = _disk(course)
    with course.kept_back_after(0.2):
        disk.leave_free(HALF_AN_OBJECT_BYTES)
    try:
        course.wait_for_answer(OUT_OF_RESOURCES)
        course.pause(short_s=0, full_s=5)
        course.installation.stations.kill("receive")
        course.installation.wait_for_scp()
        course.wait_for_answer(OUT_OF_RESOURCES)
        course.pause(short_s=0, full_s=5)
    finally:
        disk.make_large()
    return require_effect(course.sending.answers[OUT_OF_RESOURCES], "refusals")


def disk_read_only(course: Course) -> str:
    """Let nothing be written where objects arrive."""
    with contextlib.ExitStack() as read_only:
        with course.kept_back_after(0.2):
            incoming = course.installation.spool.incoming
            read_only.enter_context(_disk(course).nothing_can_be_created_in(incoming))
        course.wait_for_answer(OUT_OF_RESOURCES)
        course.pause(short_s=0, full_s=10)
    return require_effect(course.sending.answers[OUT_OF_RESOURCES], "refusals")


def watermark_crossed(course: Course) -> str:
    """Leave less free than the site wants kept, and give it back."""
    here, disk = course.installation, _disk(course)
    here.site.variables["SCREENING_MIN_FREE_MIB"] = "1"
    here.stations.kill("receive")
    try:
        with course.kept_back_after(0.2):
            here.wait_for_scp()
            disk.leave_free(HALF_A_MIB)
            taken = len(course.sending.acknowledged)
        course.wait_for_answer("rejected")
        course.pause(short_s=0, full_s=10)
        assert len(course.sending.acknowledged) <= taken + SENDERS, "taken below the watermark"
    finally:
        disk.make_large()
        here.site.variables["SCREENING_MIN_FREE_MIB"] = "0"
    answers = course.sending.answers
    refused = f"{answers[OUT_OF_RESOURCES]} refusals, "
    return refused + require_effect(answers["rejected"], "associations rejected")


def _disk(course: Course) -> SmallDisk:
    assert isinstance(course.installation.disk, SmallDisk)
    return course.installation.disk
