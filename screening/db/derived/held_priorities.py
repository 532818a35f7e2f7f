"""A study that somebody has claimed rises in the list, and falls no more until it is read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import Session

from screening.db.tables.readings import Reading

_TABLE: Any = Reading.__table__


def keep_raised(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Have the newest reading of each claimed study hold its place, where that is a higher one.

    rows: of `computed_studies`, whose locks are held; they are given the rank that is held now.
    """
    for row in rows:
        if row["held_rank"] is None:
            continue
        held = case((_TABLE.c.held_score.is_(None), 1.0), else_=-_TABLE.c.held_score)
        rises = or_(
            _TABLE.c.held_rank > row["rank"],
            (_TABLE.c.held_rank == row["rank"]) & (held > row["score_order"]),
        )
        newest = select(func.max(_TABLE.c.id)).where(
            _TABLE.c.study_instance_uid == row["study_instance_uid"]
        )
        changed = session.connection().execute(
            update(_TABLE)
            .where(_TABLE.c.id == newest.scalar_subquery(), rises)
            .values(
                held_priority=row["priority"],
                held_rank=row["rank"],
                held_rule=row["priority_rule"],
                held_score=row["priority_score"],
            )
        )
        if changed.rowcount:
            row["held_rank"] = row["rank"]
