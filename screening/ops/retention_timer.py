"""Runs retention at intervals in a process that can write to the spool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.errors import TransientError
from screening.followed_settings import FollowedSettings
from screening.logs import get_logger
from screening.ops.retention import remove_images
from screening.settings import Settings
from screening.spool.store import Spool

INTERVAL_S = 3600.0
JOIN_TIMEOUT_S = 10
log = get_logger()


def committing_destinations(settings: Settings) -> list[str]:
    """Return the names of the destinations that must have confirmed a report."""
    return [one.name for one in settings.destinations if one.confirms]


@contextmanager
def running_retention(
    settings: Settings, database: Database, *, interval_s: float = INTERVAL_S
) -> Iterator[None]:
    """Remove old images at intervals inside the block, if the settings say after how many days."""
    if settings.retention_days is None:
        yield
        return
    stopped = threading.Event()
    age = timedelta(days=settings.retention_days)
    thread = threading.Thread(
        target=_run, args=(settings, database, age, stopped, interval_s), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(JOIN_TIMEOUT_S)


def _run(
    settings: Settings,
    database: Database,
    age: timedelta,
    stopped: threading.Event,
    interval_s: float,
) -> None:
    spool = Spool(settings.spool_dir)
    followed = FollowedSettings(settings)
    while not stopped.is_set():
        followed.look_again()
        try:
            removed = remove_images(
                database,
                spool,
                received_before=utc_now() - age,
                committing=committing_destinations(followed.settings),
            )
        except TransientError as error:
            log.warning("retention_postponed", reason=str(error))
        except Exception:
            log.exception("retention_failed")
        else:
            log.info("retention_done", images=removed.images, size_bytes=removed.size_bytes)
            if removed.stuck:
                log.warning("images_not_removed", images=removed.stuck, reason=removed.trouble)
        stopped.wait(interval_s)
