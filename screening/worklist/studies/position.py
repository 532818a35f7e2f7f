"""A place in the worklist's order, as text that a link or a program can hand back.

It names the values that a study is ordered by, and no row: what comes after it is well defined
also when that study has moved on or is gone.
"""

import base64
import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from screening.domain.reading_order import Section
from screening.domain.shown_values import is_uid

STUDIES_ON_PAGE = 50
MOST_ON_A_PAGE = 1000
LONGEST_CURSOR = 400
LOWEST_RANK = 5
DIGEST_PREFIX = "sha256:"
_DIGEST = re.compile(DIGEST_PREFIX + r"[0-9a-f]{64}")


class CursorError(ValueError):
    """A text that is not one of our cursors."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a study stands: rank 0 to 5, minus its score or 1, arrival (aware), its UID.

    section: what is before the others, since it is overdue, or the rest.

    Of a Study Instance UID that is none, and may name a patient, a cursor holds the digest alone:
    addresses end up in logs.
    """

    rank: int
    score_order: float
    received_at: datetime
    study_instance_uid: str
    section: Section = Section.BY_PRIORITY

    def as_cursor(self) -> str:
        """Return the text, of letters, digits, "-" and "_"."""
        uid = self.study_instance_uid
        told = uid if is_uid(uid) else digest_of(uid)
        values = [self.rank, self.score_order, self.received_at.isoformat(), told, self.section]
        text = json.dumps(values, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def digest_of(uid: str) -> str:
    """Return the digest that represents an invalid UID."""
    return DIGEST_PREFIX + hashlib.sha256(uid.encode()).hexdigest()


def parse_cursor(cursor: str) -> Position:
    """Return the position that `as_cursor` wrote, with a digest where it wrote one.

    Raises CursorError for any other text.
    """
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
    values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    rank, score, at, uid, section = values
    received_at = datetime.fromisoformat(at)
    legal = (
        len(cursor) <= LONGEST_CURSOR
        and type(rank) is int
        and 0 <= rank <= LOWEST_RANK
        and type(score) is float
        and math.isfinite(score)
        and received_at.tzinfo is not None
        and isinstance(uid, str)
        and (is_uid(uid) or _DIGEST.fullmatch(uid) is not None)
        and type(section) is int
    )
    if not legal:
        return None
    return Position(rank, score, received_at.astimezone(UTC), uid, Section(section))
