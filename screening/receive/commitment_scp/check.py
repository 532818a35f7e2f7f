"""What we can commit to: decided by rows and files at the time of the answer.

Source: PS3.4 J.3.3; the Failure Reasons are those of PS3.3 C.14.1.1.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.domain.commitment import NotCommitted, SopReference
from screening.spool.store import Spool

UIDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class _Kept:
    sop_class_uid: str
    sha256: str
    removed: bool


def check_references(
    database: Database, spool: Spool, references: Collection[SopReference]
) -> dict[SopReference, NotCommitted | None]:
    """Return for each reference why we do not commit to it, None where we do.

    We commit to an object with a row of this SOP class and a file that still has its digest. Where
    several objects have one SOP Instance UID, all must fulfil this: the peer may mean any.
    Raises DatabaseUnavailableError.
    """
    rows = _rows(database, {one.sop_instance_uid for one in references})
    return {one: _why_not(spool, one, rows.get(one.sop_instance_uid, ())) for one in references}


def _rows(database: Database, uids: Collection[str]) -> Mapping[str, Sequence[_Kept]]:
    found: dict[str, list[_Kept]] = defaultdict(list)
    with database.read() as session:
        for some in _chunks(uids):
            rows = select(Instance).where(Instance.sop_instance_uid.in_(some))
            for row in session.scalars(rows):
                kept = _Kept(row.sop_class_uid, row.sha256, row.removing_since is not None)
                found[row.sop_instance_uid].append(kept)
    return found


def _chunks(uids: Collection[str]) -> Iterator[list[str]]:
    left = iter(uids)
    while some := list(islice(left, UIDS_A_QUERY)):
        yield some


def _why_not(spool: Spool, asked: SopReference, rows: Sequence[_Kept]) -> NotCommitted | None:
    if not rows:
        return NotCommitted.NO_SUCH_INSTANCE
    of_class = [row for row in rows if row.sop_class_uid == asked.sop_class_uid]
    if not of_class:
        return NotCommitted.CLASS_INSTANCE_CONFLICT
    if any(row.removed for row in of_class):
        return NotCommitted.NO_SUCH_INSTANCE
    if not all(_is_undamaged(spool, row.sha256) for row in of_class):
        return NotCommitted.PROCESSING_FAILURE
    return None


def _is_undamaged(spool: Spool, sha256: str) -> bool:
    try:
        return spool.is_undamaged(sha256)
    except OSError:
        return False
