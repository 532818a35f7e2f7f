"""Files that data sets of C-STORE are written to as they arrive, and those that are sent.

See docs/decisions/0003-streaming-receive.md.
"""

from pathlib import Path
from typing import Protocol

from pynetdicom.dimse_primitives import C_STORE


class DataSetFile(Protocol):
    """The file of one data set on its way in."""

    def write(self, data: memoryview) -> int:
        """Append; `data` is valid during the call. What is raised ends the association."""

    def discard(self) -> None:
        """Remove the file if it is still there."""


def send_from_file(request: C_STORE, path: Path, offset_bytes: int) -> None:
    """Have pynetdicom read the data set of a C-STORE request from a file, from an offset on."""
    request._dataset_path = (path, offset_bytes)  # noqa: SLF001  no public way
