"""Places in the list that addresses name: after or before a study, the start of a priority."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from screening.worklist.studies.ordering import ReadingPriority
from screening.worklist.studies.position import Position

BEFORE_ANY_SCORE = -2.0
"""Minus a score is -1 at least."""
BEFORE_ANY_ARRIVAL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """The page after or before a cursor, the first one where both are "" ."""

    after: str = ""
    before: str = ""

    @property
    def is_first(self) -> bool:
        """Whether this is the first page, whatever it holds."""
        return not self.after and not self.before


STARTS: Mapping[ReadingPriority, str] = {
    priority: Position(rank, BEFORE_ANY_SCORE, BEFORE_ANY_ARRIVAL, "0").as_cursor()
    for rank, priority in enumerate(ReadingPriority)
}
"""The cursor in front of each priority's first study; there need be none."""
