"""Names of queues and tasks. Tasks are sent by name, so that no sender imports a station."""

import os
import socket
from enum import StrEnum


class Queue(StrEnum):
    """One queue a kind of worker."""

    CLASSIFY = "classify"
    REPORT = "report"


def worker_name() -> str:
    """Return this process's name in the audit trail: machine and process id."""
    return f"{socket.gethostname()}/{os.getpid()}"


TASK_OF_QUEUE = {
    Queue.CLASSIFY: "screening.classify.work",
    Queue.REPORT: "screening.report.work",
}
