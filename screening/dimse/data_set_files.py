"""Files in which pynetdicom collects the data sets of C-STORE, and those that it sends.

pynetdicom 3.0.4 can write a data set to a file as it arrives, but only below the system's
temporary folder, without a size limit, and a write error there (a full disk) ends the association
with no status. `streamed_to` puts files of the caller's in that one place
(`pynetdicom.dimse_messages.NamedTemporaryFile`). See docs/decisions/0003-streaming-receive.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pynetdicom import _config, dimse_messages
from pynetdicom.dimse_primitives import C_STORE


@runtime_checkable
class DataSetFile(Protocol):
    """What pynetdicom uses of a temporary file, and a way to remove it."""

    name: str

    @property
    def file(self) -> "DataSetFile":
        """Itself: pynetdicom flushes `.file`."""

    def flush(self) -> None:
        """Write what is buffered."""

    def write(self, data: bytes) -> int:
        """Append; what is raised ends the association."""

    def close(self) -> None:
        """Close; pynetdicom does so after the handler, too."""

    def discard(self) -> None:
        """Remove the file if it is still there."""


@contextmanager
def streamed_to(open_file: Callable[[], DataSetFile]) -> Iterator[None]:
    """Have every C-STORE data set of this process written, as it arrives, to a file of its own.

    One SCP a process.
    """
    theirs = dimse_messages.NamedTemporaryFile

    def open_instead(**_: Any) -> DataSetFile:
        return open_file()

    dimse_messages.NamedTemporaryFile = open_instead
    _config.STORE_RECV_CHUNKED_DATASET = True
    try:
        yield
    finally:
        dimse_messages.NamedTemporaryFile = theirs
        _config.STORE_RECV_CHUNKED_DATASET = False


def data_set_file(request: object) -> DataSetFile | None:
    """Return the file of a whole C-STORE request, None where it came without a data set."""
    return _file_in(request, "_dataset_file")


def file_under_way(message: object) -> DataSetFile | None:
    """Return the file of a message that is still arriving, None where it has none."""
    return _file_in(message, "_data_set_file")


def send_from_file(request: C_STORE, path: Path, offset_bytes: int) -> None:
    """Have pynetdicom read the data set of a C-STORE request from a file, from an offset on."""
    request._dataset_path = (path, offset_bytes)  # noqa: SLF001  no public way


def _file_in(holder: object, name: str) -> DataSetFile | None:
    file = getattr(holder, name, None)
    return file if isinstance(file, DataSetFile) else None
