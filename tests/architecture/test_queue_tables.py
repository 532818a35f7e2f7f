"""docs/architecture.md shows the queues and the waits that the program has."""

import pytest

from screening.domain.backoff import BACKOFFS, Retried
from screening.errors import SettingsError
from screening.settings import BACKOFF_SETTINGS, PREFIX, load_settings
from screening.work import queues
from screening.work.work_queue import WorkQueue
from tests.architecture.test_documents import document, section, table_rows


def test_architecture_shows_every_queue() -> None:
    """The states of its rows, and the lease beyond which none is valid."""
    shown = [row for row in queue_rows() if len(row) == 4]
    assert shown == [
        [
            f"`{name}`",
            queue.waiting.value.replace("_", " "),
            queue.lease.state.value.replace("_", " ") if queue.lease else "",
            f"{queue.lease.longest_s:g} s" if queue.lease else "",
        ]
        for name, queue in vars(queues).items()
        if isinstance(queue, WorkQueue)
    ]


def test_a_site_sets_no_longer_lease_than_is_valid() -> None:
    """The longest that the settings take is the one that the queue reckons with."""
    load_settings(lease_s=queues.LONGEST_CLASSIFICATION_LEASE_S)
    with pytest.raises(SettingsError, match="lease_s"):
        load_settings(lease_s=queues.LONGEST_CLASSIFICATION_LEASE_S + 1)


def test_architecture_shows_every_wait() -> None:
    """The limits of what is tried again, and the settings that a site has for them."""
    shown = [row for row in queue_rows() if len(row) == 5]
    assert shown == [
        [
            retried.value,
            f"{backoff.first_s:g} s",
            f"{backoff.longest_s:g} s",
            f"{backoff.jitter:.0%}".replace("%", " %"),
            ", ".join(f"`{PREFIX}{name.upper()}`" for name in BACKOFF_SETTINGS.get(retried, ())),
        ]
        for retried, backoff in BACKOFFS.items()
    ]
    assert list(BACKOFFS) == list(Retried)


def queue_rows() -> list[list[str]]:
    """Return the rows of the tables on queues."""
    return table_rows(section(document("docs/architecture.md"), "## Queues"))
