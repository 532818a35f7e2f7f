"""A queue whose entries are rows: what is due, and who works on it until when.

A row waits for its turn or its time, or a worker has it. A claim is a lease with a token: the rows
of a worker that died are due again when it ends, and whoever finishes must still hold it, so that
a worker that comes back late changes nothing. Attempts are counted by the claim, before the work.
Leases and waits go by the clock that all workers share (`screening.db.clock.shared_now`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from screening.db.states import change_state
from screening.db.tables.columns import Base, stands_at
from screening.domain.lifecycle import Lane

LANES = (Lane.LIVE, Lane.BACKFILL)
"""In the order in which they are served."""
RowT = TypeVar("RowT", bound=Base)


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """How a row shows that a worker has it, and until when."""

    state: StrEnum
    """The state of a row that a worker has."""
    token: InstrumentedAttribute[Any]
    """The column of the claim's token."""
    ends_at: InstrumentedAttribute[datetime | None]
    """The column that says when the lease ends."""
    longest_s: float
    """Seconds. A lease that has longer to run was given before the clock was set back: it is void.
    Longer than any that is given, since workers look at the clock one after the other."""
    keeps_token: bool = False
    """Whether the token stays on the row after the lease, where it means something by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkQueue(Generic[RowT]):
    """The rows of one table that wait for a kind of worker, and those that one has.

    Each source of due rows is read in the order of a partial index, so that neither the rows that
    wait for their time nor those behind a full batch are looked at. Conditions (`where`) narrow
    the queue to what one worker is there for, such as one destination.
    """

    table: type[RowT]
    key: InstrumentedAttribute[int]
    """The column by which rows that were made first go first."""
    lane: InstrumentedAttribute[str] | None
    """The column by which live work goes before backfill; None where there is one kind of work."""
    state: InstrumentedAttribute[str]
    waiting: StrEnum
    """The state of a row that waits."""
    attempts: InstrumentedAttribute[int]
    not_before: InstrumentedAttribute[datetime | None]
    """The column of the time for which a row waits; None: for its turn alone."""
    lease: Lease | None = None
    """None where two workers may do the same work, and the first to finish counts."""
    by_key: bool = False
    """Whether rows whose time has come, or whose lease has ended, also go in the order in which
    they were made: for short queues with an index by key. Others have an index by time."""
    loaded: tuple[ExecutableOption, ...] = ()
    """What is loaded with each row."""

    def with_leases_of(self, lease_s: float) -> "WorkQueue[RowT]":
        """Return the queue as it is where leases are given for so many seconds."""
        return replace(self, lease=replace(self._leased(), longest_s=2 * lease_s))

    def is_due(self, session: Session, now: datetime, *where: ColumnElement[bool]) -> bool:
        """Return whether any row is due."""
        sources = (source for lane in self._sources(now, where) for source in lane)
        return self._is_any(session, sources)

    def due(
        self, session: Session, now: datetime, *where: ColumnElement[bool], limit: int
    ) -> list[RowT]:
        """Return up to `limit` due rows: live before backfill, those that were made first first.

        Where the queue has leases, the rows are locked, and those that another transaction has
        locked are passed over; SQLite has one writing transaction at a time.
        """
        rows: list[RowT] = []
        for sources in self._sources(now, where):
            rows += self._first_of(session, sources, limit - len(rows))
            if len(rows) >= limit:
                break
        return rows

    def due_values(
        self,
        session: Session,
        now: datetime,
        column: InstrumentedAttribute[str],
        *where: ColumnElement[bool],
    ) -> list[str]:
        """Return what due rows have in a column, each value once, in order."""
        kinds = (condition for condition, _ in self._kinds(now))
        found = (session.scalars(select(column).where(*where, one).distinct()) for one in kinds)
        return sorted({value for values in found for value in values})

    def is_any_untaken(self, session: Session, now: datetime, *where: ColumnElement[bool]) -> bool:
        """Return whether there is a row that no worker has, whether or not its time has come."""
        return self._is_any(session, self._untaken(now, where))

    def least_tried(
        self, session: Session, now: datetime, *where: ColumnElement[bool]
    ) -> RowT | None:
        """Return the row with the fewest attempts that no worker has, whatever it waits for.

        It is locked as `due` locks.
        """
        rows = [
            row
            for source in self._untaken(now, where)
            for row in self._first_of(session, [source], 1)
        ]
        attempts = attrgetter(self.attempts.key, self.key.key)
        return min(rows, key=attempts, default=None)

    def take(self, row: RowT, *, token: Any, ends_at: datetime) -> None:
        """Give a locked row to a worker, and count the attempt."""
        lease = self._leased()
        change_state(row, lease.state)
        setattr(row, self.attempts.key, getattr(row, self.attempts.key) + 1)
        setattr(row, lease.token.key, token)
        setattr(row, lease.ends_at.key, ends_at)

    def held_by(self, token: Any) -> ColumnElement[bool]:
        """Return the condition that a claim still has a row."""
        lease = self._leased()
        return and_(stands_at(self.state, lease.state), lease.token == token)

    def is_held_by(self, row: RowT, token: Any) -> bool:
        """Return whether a claim still has this row, which is locked."""
        lease = self._leased()
        found = getattr(row, self.state.key), getattr(row, lease.token.key)
        return found == (lease.state, token)

    def still_held(self, session: Session, token: Any) -> Sequence[RowT]:
        """Return the rows that a claim still has, locked, those that were made first first."""
        held = select(self.table).where(self.held_by(token)).with_for_update()
        return sorted(session.scalars(held), key=attrgetter(self.key.key))

    def renew(self, session: Session, token: Any, *, ends_at: datetime) -> None:
        """Show that the worker lives: the lease of all that it still has ends later."""
        session.execute(
            update(self.table)
            .where(self.held_by(token))
            .values({self._leased().ends_at.key: ends_at})
        )

    def release(self, row: RowT) -> None:
        """Take a row from whoever has it; it waits for nothing. Its state is the caller's."""
        setattr(row, self.not_before.key, None)
        if self.lease is not None:
            setattr(row, self.lease.ends_at.key, None)
            if not self.lease.keeps_token:
                setattr(row, self.lease.token.key, None)

    def give_back(self, row: RowT, *, not_before: datetime | None) -> None:
        """Let a row wait for another attempt, for its turn alone where there is no time."""
        change_state(row, self.waiting)
        self.release(row)
        setattr(row, self.not_before.key, not_before)

    def _sources(
        self, now: datetime, where: Iterable[ColumnElement[bool]]
    ) -> list[list[Select[RowT]]]:
        """Return what to read of each lane, the lane that is served first first."""
        lanes = [()] if self.lane is None else [(stands_at(self.lane, lane),) for lane in LANES]
        return [
            [
                self._rows(*where, *in_lane, condition).order_by(self.key if self.by_key else order)
                for condition, order in self._kinds(now)
            ]
            for in_lane in lanes
        ]

    def _kinds(self, now: datetime) -> list[tuple[ColumnElement[bool], InstrumentedAttribute[Any]]]:
        """Return the kinds of due rows, and the column of the index that each is read by."""
        waits, until = stands_at(self.state, self.waiting), self.not_before
        kinds: list[tuple[ColumnElement[bool], InstrumentedAttribute[Any]]] = [
            (and_(waits, until.is_(None)), self.key),
            (and_(waits, until.is_not(None), until <= now), until),
        ]
        if self.lease is not None:
            kinds += [(one, self.lease.ends_at) for one in self._abandoned(now)]
        return kinds

    def _abandoned(self, now: datetime) -> list[ColumnElement[bool]]:
        """Return the kinds of rows whose worker fell silent: the lease ended, or is void."""
        if self.lease is None:
            return []
        taken, ends_at = stands_at(self.state, self.lease.state), self.lease.ends_at
        void = now + timedelta(seconds=self.lease.longest_s)
        return [and_(taken, ends_at < now), and_(taken, ends_at > void)]

    def _untaken(self, now: datetime, where: Iterable[ColumnElement[bool]]) -> list[Select[RowT]]:
        kinds = [stands_at(self.state, self.waiting), *self._abandoned(now)]
        return [self._rows(*where, one).order_by(self.attempts, self.key) for one in kinds]

    def _rows(self, *where: ColumnElement[bool]) -> Select[RowT]:
        return select(self.table).where(*where)

    def _is_any(self, session: Session, sources: Iterable[Select[RowT]]) -> bool:
        keys = (source.with_only_columns(self.key).limit(1) for source in sources)
        return any(session.scalar(key) is not None for key in keys)

    def _first_of(
        self, session: Session, sources: Iterable[Select[RowT]], limit: int
    ) -> list[RowT]:
        """Return at most `limit` rows of all sources together, those that were made first.

        sources: in the order of an index; each is read no further than `limit`.
        """
        locked = (self._locked(source).options(*self.loaded).limit(limit) for source in sources)
        rows = {row for source in locked for row in session.scalars(source)}
        return sorted(rows, key=attrgetter(self.key.key))[:limit]

    def _locked(self, source: Select[RowT]) -> Select[RowT]:
        return source if self.lease is None else source.with_for_update(skip_locked=True)

    def _leased(self) -> Lease:
        if self.lease is None:
            raise TypeError(f"expected a queue with leases, found {self.table.__tablename__}'s")
        return self.lease
