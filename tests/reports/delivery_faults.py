"""Deliveries through a bad day of their destination, with any number of reports, reckoned up."""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Delivery, Report
from screening.storage_scu.objects import identify
from tests.peers.misbehaving_destination import (
    Behaviour,
    Conduct,
    MisbehavingDestination,
    Status,
    misbehaving_destination,
)
from tests.reports.deliveries import (
    add_deliveries,
    let_time_pass,
    peer,
    send_what_is_due,
    undelivered,
)

BAD_DAY: tuple[Behaviour, ...] = (
    Conduct.CLOSES_CONNECTIONS,
    Conduct.REJECTS_FOR_NOW,
    Conduct.ABORTS_REQUESTS,
    Conduct.GARBAGE_FOR_ASSOCIATION,
    Conduct.ENDLESS_ACCEPTANCE,
    Conduct.NEVER_ANSWERS,
    Conduct.CLOSES_UNREAD,
    Conduct.STALLS_IN_MID_PDU,
    Conduct.GARBAGE_COMMAND,
    Status(0xA700, "disk full"),
    Status(0x0110),
)
"""One after the other, each transient for every report."""
MOODS: tuple[Behaviour, ...] = (
    Conduct.SOUND,
    Conduct.SOUND,
    Conduct.SOUND,
    Conduct.CLOSES_UNANSWERED,
    Conduct.CLOSES_IN_MID_PDU,
    Conduct.ABORTS_STORE,
    Status(0xA701),
    Status(0xB000),
)
"""From object to object; a mood passes when the object comes again."""
ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What became of the reports.

    lost: not delivered in the end, or delivered without having come whole; doubled: came in two
    versions, or again although it had been taken and recorded; sent_again: came again, the same
    bytes, because an answer was lost; recovery_s: from the day's end to the last delivery.
    """

    reports: int
    lost: int
    doubled: int
    sent_again: int
    recovery_s: float


def bad_day(
    database: Database,
    folder: Path,
    *,
    instances: int,
    day: Sequence[Behaviour] = BAD_DAY,
) -> Reckoning:
    """Have reports sent to a destination that misbehaves in each way, then moodily, then well.

    Every wait is cut short between two rounds; a courier's own pace is not.
    """
    add_deliveries(database, count=instances, pacs="pending")
    with misbehaving_destination() as pacs:
        for conduct in day:
            pacs.conduct = conduct
            _round(database, folder, pacs)
        pacs.conduct = lambda uid: _mood(pacs, uid)
        _round(database, folder, pacs)
        pacs.conduct = lambda uid: _duplicate_or_sound(pacs, uid)
        ended = time.monotonic()
        for _ in range(ROUNDS):
            if not undelivered(database, "pacs"):
                break
            _round(database, folder, pacs)
        recovery_s = time.monotonic() - ended
        came = sum(len(copies) for copies in pacs.received.values())
        _round(database, folder, pacs)
        after_the_end = sum(len(copies) for copies in pacs.received.values()) - came
        return _reckon(database, pacs, after_the_end, recovery_s)


def _round(database: Database, folder: Path, pacs: MisbehavingDestination) -> None:
    send_what_is_due(database, folder, peer("pacs", pacs.port))
    let_time_pass(database)


def _mood(pacs: MisbehavingDestination, uid: str) -> Behaviour:
    first_time = len(pacs.received[uid]) == 1
    return MOODS[zlib.crc32(uid.encode()) % len(MOODS)] if first_time else Conduct.SOUND


def _duplicate_or_sound(pacs: MisbehavingDestination, uid: str) -> Behaviour:
    """Do as strict archives do: what came before is a duplicate, taken or not."""
    return Status(0x0111) if len(pacs.received[uid]) > 1 else Conduct.SOUND


def _reckon(
    database: Database, pacs: MisbehavingDestination, after_the_end: int, recovery_s: float
) -> Reckoning:
    with database.read() as session:
        rows = session.execute(select(Report.content, Delivery.state).join(Delivery)).all()
    lost = doubled = 0
    for content, state in rows:
        found = identify(content)
        copies = pacs.received.get(found.sop_instance_uid, [])
        lost += state != "delivered" or content[found.data_set_offset :] not in copies
        doubled += len(set(copies)) > 1
    return Reckoning(
        reports=len(rows),
        lost=lost,
        doubled=doubled + after_the_end,
        sent_again=sum(len(copies) - 1 for copies in pacs.received.values()),
        recovery_s=recovery_s,
    )
