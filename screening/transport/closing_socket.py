"""pynetdicom's socket, closed also where it never got connected."""

import socket
import ssl
import sys
from contextlib import suppress
from typing import Any

from pynetdicom.transport import AssociationSocket


class ClosingSocket(AssociationSocket):  # type: ignore[misc]  # pynetdicom has no types
    """An association's socket that leaves no descriptor behind.

    pynetdicom 3.0.4 skips `close` where `shutdown` fails, as it does on a socket that is not
    connected: the descriptor then stays until the garbage collector comes by.
    """

    failure: str = ""
    """Why there is no connection, in words; "" while nothing has failed."""

    def _shutdown_socket(self) -> None:
        """End the connection and give the descriptor back, whatever state it is in."""
        self._note_failure(sys.exception())
        connection: Any = self.socket
        if connection is None:
            return
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        connection.close()

    def _note_failure(self, error: BaseException | None) -> None:
        """Keep what `connect` swallows: it calls `_shutdown_socket` while handling the error."""
        if isinstance(error, ssl.SSLCertVerificationError):
            self.failure = f"its certificate is not trusted: {error.verify_message}"
        elif isinstance(error, ssl.SSLError):
            self.failure = f"no TLS connection: {(error.reason or 'closed').replace('_', ' ')}"
        elif isinstance(error, OSError) and error.strerror:
            self.failure = error.strerror.lower()
