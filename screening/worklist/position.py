"""A place in the worklist's order, as text that a link or a program can hand back.

It names the values that a study is ordered by, and no row: what comes after it is well defined
also when that study has moved on or is gone.
"""

import base64
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from screening.domain.instance import fault_of_uid

STUDIES_ON_PAGE = 100
MOST_ON_A_PAGE = 1000
LONGEST_CURSOR = 400
LOWEST_RANK = 5


class CursorError(ValueError):
    """A text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a study stands: rank 0 to 5, minus its score or 1, arrival (aware), its UID."""

    rank: int
    score_order: float
    received_at: datetime
    study_instance_uid: str

    def as_cursor(self) -> str:
        """Return the text, of letters, digits, "-" and "_"."""
        values = [self.rank, self.score_order, self.received_at.isoformat()]
        text = json.dumps([*values, self.study_instance_uid], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(cursor: str) -> Position:
    """Return the position that `as_cursor` wrote. Raises CursorError for any other text."""
    try:
        position = _read(cursor[: LONGEST_CURSOR + 1])
    except (ValueError, TypeError, OverflowError, RecursionError):
        position = None
    if position is None:
        raise CursorError(
            "expected a cursor that the worklist gave, found another text; start at the first page"
        )
    return position


def _read(cursor: str) -> Position | None:
    padded = cursor + "=" * (-len(cursor) % 4)
    rank, score, at, uid = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    received_at = datetime.fromisoformat(at)
    legal = (
        len(cursor) <= LONGEST_CURSOR
        and type(rank) is int
        and 0 <= rank <= LOWEST_RANK
        and type(score) is float
        and math.isfinite(score)
        and received_at.tzinfo is not None
        and isinstance(uid, str)
        and not fault_of_uid(uid)
    )
    return Position(rank, score, received_at.astimezone(UTC), uid) if legal else None
