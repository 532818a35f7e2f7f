"""Names of queues and tasks. Tasks are sent by name, so that no sender imports a station."""

from enum import StrEnum


class Queue(StrEnum):
    """One queue a kind of worker."""

    CLASSIFY = "classify"
    REPORT = "report"


TASK_OF_QUEUE = {
    Queue.CLASSIFY: "screening.classify.work",
    Queue.REPORT: "screening.report.work",
}
