"""The reading order: which study is read next.

A study that has waited longer than the site's cap is overdue and goes before all that are not:
overdue studies are read in the order of their arrival. The others are read by priority, then by
the score that gave it, then by arrival. Without a cap none is overdue; with a cap of nothing all
are, which is first come, first served.

The cap keeps false negatives from starving behind a stream of findings: Baltruschat et al., Smart
chest X-ray worklist prioritization using artificial intelligence, Eur Radiol 31 (2021), found that
pure prioritization halves the mean waiting time of critical findings and lengthens the longest,
and that an upper limit on waiting repairs it.

As long as the k-th reading begins at the same time in each order, nobody waits longer than the
cap and the longest wait of first come, first served together: whoever is overdue waits for nobody
but those who came before.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any


class Section(IntEnum):
    """Which of the two parts of the list a study is in; the lower comes first."""

    OVERDUE = 0
    BY_PRIORITY = 1


ORDER: Mapping[Section, tuple[str, ...]] = {
    Section.OVERDUE: ("received_at", "study_instance_uid"),
    Section.BY_PRIORITY: ("rank", "score_order", "received_at", "study_instance_uid"),
}
"""What studies of each section are ordered by, all ascending; columns of `studies`."""


def overdue_until(now: datetime, cap: timedelta | None) -> datetime | None:
    """Return the time of arrival up to which studies are overdue at a moment; None: none is."""
    return None if cap is None else now - cap


def section_of(received_at: datetime, *, until: datetime | None) -> Section:
    """Return the section of a study that arrived then; until: what `overdue_until` returned."""
    is_overdue = until is not None and received_at <= until
    return Section.OVERDUE if is_overdue else Section.BY_PRIORITY


def order_values(study: Any, section: Section) -> tuple[Any, ...]:
    """Return what a study is ordered by inside a section; study: anything with those attributes."""
    return tuple(getattr(study, name) for name in ORDER[section])
