"""What pages and the REST interface read alike: the list, selections of studies, warnings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from screening.db.bundle_rows import ActiveBundle
from screening.db.session import Database
from screening.domain.reading_order import overdue_until
from screening.drift.of_senders import SenderDrift
from screening.worklist.drift import drift_warnings
from screening.worklist.figures.totals import Totals
from screening.worklist.studies.criteria import Selection
from screening.worklist.studies.ordering import WorklistEntry, WorklistPage, read_worklist
from screening.worklist.studies.places import Place
from screening.worklist.studies.position import CursorError
from screening.worklist.studies.query import Moment, SelectedStudies, read_selection
from screening.worklist.studies.searches import Searches


@dataclass(frozen=True, slots=True)
class Source:
    """The database, and how this site reads it. Methods raise DatabaseUnavailableError."""

    database: Database
    ledger: Callable[[], Totals]
    drift: Callable[[], Sequence[SenderDrift]]
    cap: timedelta | None
    """How long a study may wait before it goes ahead of others."""
    zone: ZoneInfo | None
    """In which days begin; None: the machine's."""
    viewer_template: str
    """Leads to a study in the site's viewer; "" where it has none."""
    with_heat_maps: bool
    """Whether heat-maps of scored images are offered."""
    searches: Searches = field(default_factory=Searches)

    def warnings(self, senders: Iterable[str]) -> tuple[str, ...]:
        """Return what readers are told of the images of these calling AE titles."""
        return drift_warnings(self.drift(), senders)

    def page(self, place: Place, limit: int) -> WorklistPage:
        """Return a page of the reading order. Raises CursorError."""
        if place.after and place.before:
            raise CursorError("expected one cursor, after or before, found both; name one of them")
        after, before = place.after or None, place.before or None
        return read_worklist(self.database, limit=limit, after=after, before=before, cap=self.cap)

    def selected(
        self, selection: Selection, place: Place, now: datetime, limit: int
    ) -> SelectedStudies:
        """Return a page of a selection. Raises CursorError, and SelectionError where it ended."""
        return read_selection(
            self.database,
            selection,
            self.searches.text_of(selection.search),
            Moment(now, self.zone, overdue_until(now, self.cap)),
            after=place.after,
            before=place.before,
            limit=limit,
        )


def is_untrained(bundle: ActiveBundle | None, entries: Sequence[WorklistEntry]) -> bool:
    """Return whether the bundle that scores now, or one that scored a study, is untrained."""
    scores_now = bundle is not None and not bundle.trained
    return scores_now or any(entry.untrained for entry in entries)
