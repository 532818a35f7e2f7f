"""Listens where patient data must not pass: Redis' commands, a folder's files, a destination."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.presentation import AllStoragePresentationContexts

POLL_S = 0.02


@contextlib.contextmanager
def redis_commands(url: str) -> Iterator[list[str]]:
    """Yield a list that grows by each command a Redis server is sent, with its arguments."""
    heard: list[str] = []
    client = redis.Redis.from_url(url, socket_timeout=None)  # minutes may pass without a command
    stopped = threading.Event()

    def listen() -> None:
        with contextlib.suppress(redis.ConnectionError, ValueError), client.monitor() as monitor:
            while not stopped.is_set():
                heard.append(str(monitor.next_command()["command"]))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        stopped.set()
        with redis.Redis.from_url(url) as last:
            last.ping()
        thread.join(5)
        client.close()


@contextlib.contextmanager
def folder_contents(folder: Path) -> Iterator[dict[str, bytes]]:
    """Yield what a folder held at any look, by file name; files that come and go are caught too."""
    seen: dict[str, bytes] = {}
    stopped = threading.Event()

    def look() -> None:
        while not stopped.is_set():
            for path in folder.rglob("*"):
                with contextlib.suppress(OSError):
                    content = path.read_bytes() if path.is_file() else b""
                    seen[str(path)] = content or seen.get(str(path), b"")
            time.sleep(POLL_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join(5)


@contextlib.contextmanager
def storage_scp(port: int, answer: Callable[[Dataset], tuple[int, str]]) -> Iterator[list[Dataset]]:
    """Run a Storage SCP; `answer` gives status and Error Comment to each report received."""
    received: list[Dataset] = []

    def store(event: Event) -> Dataset:
        report = event.dataset
        received.append(report)
        response = Dataset()
        response.Status, comment = answer(report)
        if comment:
            response.ErrorComment = comment
        return response

    entity = AE("DESTINATION")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        yield received
    finally:
        server.shutdown()
