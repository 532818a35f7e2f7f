"""A cheap entity tag of the list: of what would change it, not of what it says.

The newest event of the audit trail costs one look at an index, however long the list is. What
changes a list without an event (a study becomes overdue, a day ends) is noticed when the tag's
minute is over. Source: RFC 9110 sections 8.8.3 (weak tags) and 13.1.2.
"""

import hashlib
from datetime import datetime

from screening.db.event_mark import newest_mark
from screening.db.session import Database

LASTS_S = 60


def list_tag(database: Database, asked: str, now: datetime) -> str:
    """Return a weak entity tag of what is asked for now.

    asked: who asks for what, which the tag tells apart. now: aware.
    Raises DatabaseUnavailableError.
    """
    minute = int(now.timestamp() // LASTS_S)
    told = f"{newest_mark(database)}\n{minute}\n{asked}"
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Return whether an If-None-Match names this tag, strong or weak."""
    named = (one.strip().removeprefix("W/") for one in if_none_match.split(","))
    return tag.removeprefix("W/") in named
