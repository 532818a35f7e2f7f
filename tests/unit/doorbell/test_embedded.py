"""The embedded broker wakes whoever waits for a message."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from screening.doorbell import app as app_module
from screening.doorbell import folder_watch
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import ring_once
from screening.settings import Settings

LONG_S = 60.0


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """Return an app that would look for messages once a minute."""
    monkeypatch.setattr(app_module, "POLLING_INTERVAL_S", LONG_S)
    app = make_celery_app(Settings(data_dir=tmp_path))
    yield app
    app.close()


def test_a_message_ends_the_wait(app: Celery) -> None:
    """It is there long before whoever waits would have looked again."""
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(Queue.CLASSIFY.value)
        ringing = threading.Timer(0.2, ring_once, (app, Queue.CLASSIFY))
        ringing.start()
        message = waiting.get(timeout=LONG_S / 2)
        message.ack()
        waiting.close()
        ringing.join()
    assert message.headers["task"] == "screening.classify.work"


def test_messages_of_other_queues_end_no_wait_early(app: Celery) -> None:
    """Whoever is woken by one goes on waiting, until its time is up."""
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(Queue.CLASSIFY.value)
        ringing = threading.Timer(0.2, ring_once, (app, Queue.REPORT))
        ringing.start()
        with pytest.raises(waiting.Empty):
            waiting.get(timeout=1)
        waiting.close()
        ringing.join()


def test_without_a_watch_messages_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the user has no watches left, they come at the next look."""

    class WithoutWatches:
        def inotify_init1(self, _flags: int) -> int:
            return -1

    monkeypatch.setattr(folder_watch, "_libc", WithoutWatches())
    app = make_celery_app(Settings(data_dir=tmp_path))
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(Queue.CLASSIFY.value)
        ringing = threading.Timer(0.2, ring_once, (app, Queue.CLASSIFY))
        ringing.start()
        waiting.get(timeout=LONG_S).ack()
        waiting.close()
        ringing.join()
    app.close()


def test_a_closed_watch_leaves_no_descriptor(tmp_path: Path) -> None:
    """Connections come and go in a long-lived station."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    watch = folder_watch.FolderWatch(tmp_path)
    watch.wait(0)
    watch.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
