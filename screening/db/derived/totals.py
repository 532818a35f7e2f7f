"""Standing totals: counts that are kept by whoever changes them, so that reading them costs little.

Each is spread over SLOTS rows, of which a transaction takes one at random: transactions side by
side seldom wait for each other. They take their rows in one order, so never in a circle.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from screening.db.insert import insert_of
from screening.db.tables.studies import Total

SLOTS = 16


class Kind(StrEnum):
    """What a total counts, with its state and its subject."""

    RECEIVED = "received"
    """Instances; counted as they are recorded, apart from their states."""
    INSTANCES = "instances"
    """Instances by state."""
    REASONS = "reasons"
    """Instances by state and coded reason."""
    BACKFILL = "backfill"
    """Re-runs that wait or run."""
    DELIVERIES = "deliveries"
    """Reports by state and destination."""
    REPORT_COMMITMENTS = "commitments"
    """Reports that destinations are to confirm, by state and destination."""
    PEER_COMMITMENT_REQUESTS = "commitment_requests"
    """Peers' requests for commitment, by state and calling AE title."""
    REMOVED = "removed"
    """Instances whose image retention has removed."""
    FEEDBACK = "feedback"
    """Studies by the class that their reader gave; the subject says what they were called, and by
    which bundle (`screening.db.feedback`)."""


Key = tuple[str, str, str]
"""Kind, state, subject; "" where there is none."""
Counts = Counter[Key]


def add_to_totals(session: Session, changes: Mapping[Key, int]) -> None:
    """Add to the totals, within the transaction that changes what they count."""
    changed = sorted((key, change) for key, change in changes.items() if change)
    if not changed:
        return
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    slot = random.randrange(SLOTS) if on_postgresql else 0  # noqa: S311  not a secret
    rows = [
        {"kind": kind, "state": state, "subject": subject, "slot": slot, "count": change}
        for (kind, state, subject), change in changed
    ]
    session.connection().execute(_added(session.get_bind().dialect.name), rows)


def read_totals(session: Session) -> Counts:
    """Return the totals that are not zero."""
    summed = func.sum(Total.count)
    rows = session.execute(
        select(Total.kind, Total.state, Total.subject, summed)
        .group_by(Total.kind, Total.state, Total.subject)
        .having(summed != 0)
    )
    return counted(rows)


def by_subject_and_state(counts: Counts, kind: Kind) -> dict[tuple[str, str], int]:
    """Return the totals of one kind by subject and state."""
    return {(key[2], key[1]): count for key, count in counts.items() if key[0] == kind}


def by_state_and_subject(counts: Counts, kind: Kind) -> dict[tuple[str, str], int]:
    """Return the totals of one kind by state and subject."""
    return {(key[1], key[2]): count for key, count in counts.items() if key[0] == kind}


def counted(rows: Iterable[Any]) -> Counts:
    """Return rows of kind, state, subject and count as counts."""
    return Counter({(kind, state, subject): int(count) for kind, state, subject, count in rows})


@cache
def _added(dialect: str) -> Any:
    statement = insert_of(dialect)(Total.__table__)
    return statement.on_conflict_do_update(
        index_elements=["kind", "state", "subject", "slot"],
        set_={"count": Total.__table__.c.count + statement.excluded.count},
    )
