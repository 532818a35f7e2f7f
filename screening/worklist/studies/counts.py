"""How many studies have each priority, counted up to a limit."""

from collections.abc import Mapping

from sqlalchemy import func, literal, select, union_all

from screening.db.session import Database
from screening.db.tables.studies import Study
from screening.worklist.studies.ordering import IS_ON_THE_LIST, ReadingPriority

MOST_COUNTED = 1000
"""A count that stops here means this many or more."""


def count_by_priority(database: Database) -> Mapping[ReadingPriority, int]:
    """Return how many unread studies have each priority, urgent first, at most MOST_COUNTED each.

    Reads as many entries of the reading order's index, however many studies there are.
    Raises DatabaseUnavailableError where the database is away.
    """
    counts = [
        select(
            literal(rank).label("rank"),
            select(func.count())
            .select_from(
                select(Study.rank)
                .where(Study.rank == rank, IS_ON_THE_LIST)
                .order_by(Study.score_order, Study.received_at, Study.study_instance_uid)
                .limit(MOST_COUNTED)
                .subquery()
            )
            .scalar_subquery()
            .label("studies"),
        )
        for rank, _ in enumerate(ReadingPriority)
    ]
    with database.read() as session:
        found = {row.rank: row.studies for row in session.execute(union_all(*counts))}
    return {priority: found[rank] for rank, priority in enumerate(ReadingPriority)}
