"""A server that takes reports by POST, and answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class WebhookReceiver:
    """What came, and what is answered."""

    url: str
    status: int = 200
    """Of each answer from now on."""
    came: list[tuple[str, bytes]] = field(default_factory=list)
    """Idempotency key and body of each POST, in order."""
    before_answer: Callable[[], None] = lambda: None
    """Called when a whole POST has come and nothing is answered yet."""


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """Run the server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append((self.headers["Idempotency-Key"], body))
            receiver.before_answer()
            self._answer()

        def _answer(self) -> None:
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = WebhookReceiver(f"http://127.0.0.1:{server.server_address[1]}/reports")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
