"""What a reader selects by, as an address says it. A search's text is none of it: it names people.

| parameter | values |
|---|---|
| `show` | `unread`, `today` (an image arrived today, by the site's clock), `all` |
| `search` | what the page called a search |
| `priority`, `state`, `sender` | a priority; what an image of the study is; a calling AE title |
| `from`, `to` | the first and the last day of arrival, such as 2026-03-01 |
| `sort`, `order` | a column; `up` or `down` |
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from screening.worklist.studies.ordering import ReadingPriority

LONGEST_SENDER = 16
LONGEST_TOKEN = 64
Word = TypeVar("Word", bound=StrEnum)


class SelectionError(ValueError):
    """An address that selects nothing we know; the text says what was expected."""


class Show(StrEnum):
    """Which studies, before any filter."""

    UNREAD = "unread"
    TODAY = "today"
    ALL = "all"


class ImageState(StrEnum):
    """What at least one image of a study is."""

    PENDING = "pending"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    CLASSIFIED = "classified"


class Sort(StrEnum):
    """The column that orders the studies; priority: as the reading order has them."""

    PRIORITY = "priority"
    COVID19 = "covid19"
    PNEUMONIA = "pneumonia"
    NORMAL = "normal"
    PATIENT = "patient"
    STUDY = "study"
    DATE = "date"
    WAITING = "waiting"
    IMAGES = "images"


class Order(StrEnum):
    """up: the lowest first."""

    UP = "up"
    DOWN = "down"


FIRST_ORDER: Mapping[Sort, Order] = {
    Sort.PRIORITY: Order.UP,
    Sort.COVID19: Order.DOWN,
    Sort.PNEUMONIA: Order.DOWN,
    Sort.NORMAL: Order.UP,
    Sort.PATIENT: Order.UP,
    Sort.STUDY: Order.UP,
    Sort.DATE: Order.DOWN,
    Sort.WAITING: Order.DOWN,
    Sort.IMAGES: Order.DOWN,
}
"""How a column orders where it is chosen first."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reader selects; "" and None select nothing.

    search: the name of a search, not its text. is_sorted: this is what is shown, and not the
    reading order, from which a column leads here.
    """

    show: Show = Show.ALL
    search: str = ""
    priority: ReadingPriority | None = None
    state: ImageState | None = None
    sender: str = ""
    first_day: date | None = None
    last_day: date | None = None
    sort: Sort = Sort.PRIORITY
    order: Order = Order.UP
    is_sorted: bool = True

    @property
    def names_days(self) -> bool:
        """Whether it is of days of arrival."""
        return self.show is Show.TODAY or bool(self.first_day or self.last_day)

    def address(self, **changes: object) -> str:
        """Return the query of this selection, with some fields changed."""
        changed = replace(self, **changes)  # type: ignore[arg-type]  # each caller names fields
        told = {name: getattr(changed, of) for of, name in PARAMETERS.items()}
        return urlencode({name: str(value) for name, value in told.items() if value})

    def sorted_by(self, column: str) -> str:
        """Return the query that orders by a column; by the same one: the other way round."""
        sort = Sort(column)
        order = FIRST_ORDER[sort]
        if sort is self.sort and self.is_sorted:
            order = Order.UP if self.order is Order.DOWN else Order.DOWN
        return self.address(sort=sort, order=order)


PARAMETERS: Mapping[str, str] = {
    "show": "show",
    "search": "search",
    "priority": "priority",
    "state": "state",
    "sender": "sender",
    "first_day": "from",
    "last_day": "to",
    "sort": "sort",
    "order": "order",
}


def parse_selection(parameters: Mapping[str, str]) -> Selection:
    """Return what an address selects; empty parameters select nothing.

    Raises SelectionError where a value is none of ours.
    """
    given = {name: value.strip() for name, value in parameters.items() if value.strip()}
    sort = _word(Sort, given.get("sort", Sort.PRIORITY), "column to sort by")
    priority, state = given.get("priority"), given.get("state")
    selection = Selection(
        show=_word(Show, given.get("show", Show.ALL), "list"),
        search=_short(given.get("search", ""), LONGEST_TOKEN, "search"),
        priority=_word(ReadingPriority, priority, "priority") if priority else None,
        state=_word(ImageState, state, "state") if state else None,
        sender=_short(given.get("sender", ""), LONGEST_SENDER, "calling AE title"),
        first_day=_day(given.get("from", "")),
        last_day=_day(given.get("to", "")),
        sort=sort,
        order=_word(Order, given.get("order", FIRST_ORDER[sort]), "order"),
    )
    first, last = selection.first_day, selection.last_day
    if first and last and first > last:
        raise SelectionError("expected the first day before the last, found it after; swap them")
    return selection


def _word(words: type[Word], value: str, what: str) -> Word:
    try:
        return words(value)
    except ValueError:
        known = ", ".join(words)
        raise SelectionError(
            f"expected a {what} of {known}, found another text; choose one"
        ) from None


def _short(value: str, most: int, what: str) -> str:
    if len(value) > most:
        raise SelectionError(
            f"expected a {what} of at most {most} characters, found {len(value)}; shorten it"
        )
    return value


def _day(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise SelectionError(
            "expected a day such as 2026-03-01, found another text; correct it"
        ) from None
