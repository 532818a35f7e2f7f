"""What the trace of a study says of its senders' images now."""

from collections.abc import Sequence
from datetime import datetime

from screening.db.session import Database
from screening.drift.of_senders import read_drift
from screening.ops.trace import TraceLine
from screening.settings import Settings


def drift_lines(
    database: Database, settings: Settings, lines: Sequence[TraceLine], at: datetime
) -> list[TraceLine]:
    """Return a line for each sender of a study: whether its images are like known ones.

    lines: of the study's trace. at: now; it is the gauge of today, not of the study's day.
    Raises DatabaseUnavailableError where the database is away.
    """
    senders = {
        str(line.detail["calling_ae_title"])
        for line in lines
        if line.kind == "instance_received" and line.detail.get("calling_ae_title")
    }
    return [
        TraceLine(at, "sender_drift", None, f"Now: {one.sentence}", one.as_dict())
        for sender in sorted(senders)
        for one in read_drift(database, settings, sender)
    ]
