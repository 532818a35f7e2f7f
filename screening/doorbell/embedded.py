"""The embedded broker: kombu's file-system transport, with messages that appear whole.

kombu opens a message's file under its final name and writes it afterwards; a reader in between
takes an empty message. Writing under another name and renaming closes that gap.

It writes the file that says which queues there are in place, too: a process that is killed there,
or has no space, leaves a file that no process could ever read again. Such a file is made anew.

And it looks for messages a few times a second; here whoever waits is woken by a message's renaming,
and looks all the same.
"""

import time
import uuid
from json import dumps
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.transport.virtual import BrokerState

from screening.doorbell.folder_watch import FolderWatch
from screening.whole_files import write_whole

TRANSPORT = "screening.doorbell.embedded:Transport"


class Channel(filesystem.Channel):  # type: ignore[misc]  # kombu has no types
    """A channel whose messages are renamed into place."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}"
        # the database is the queue: a message that a power cut takes is missed by nobody
        write_whole(folder / f"{name}.{queue}.msg", dumps(payload).encode(), durable=False)

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        try:
            super()._queue_bind(exchange, *binding)
        except ValueError:
            self._exchange_file(exchange).unlink(missing_ok=True)
            super()._queue_bind(exchange, *binding)


class Transport(filesystem.Transport):  # type: ignore[misc]  # kombu has no types
    """The file-system transport with whole messages.

    Each has bindings of its own: kombu's are one process's, whatever folder they are of.
    """

    Channel = Channel

    def __init__(self, client: Any, **options: Any) -> None:
        """Forget what other transports of this process have bound."""
        super().__init__(client, **options)
        self.state = BrokerState()
        self._watch: FolderWatch | None = None

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # noqa: ARG002  theirs
        """Deliver one message, once there is one; raise TimeoutError after so many seconds."""
        if self._watch is None:
            self._watch = FolderWatch(Path(self.client.transport_options["data_folder_in"]))
        ends_at = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                left_s = ends_at - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError from None
                self._watch.wait(min(left_s, self.polling_interval))
            else:
                return

    def close_connection(self, connection: Any) -> None:
        """Close, and watch the folder no more."""
        super().close_connection(connection)
        if self._watch is not None:
            self._watch.close()
            self._watch = None
