"""An object's file in the spool while it arrives; a failure fails the object, not the association.

The file keeps the failure, and the handler answers with the status for it. See
docs/decisions/0003-streaming-receive.md.
"""

import hashlib
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from screening.errors import ObjectTooLargeError, OutOfSpaceError, ScreeningError

SPACE_CHECK_BYTES = 4 << 20
"""How much of an object is written between two looks at the free space."""


class IncomingFile:
    """The file of one object on its way in: a `dimse.data_set_files.DataSetFile`."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        require_space: Callable[[], None] = lambda: None,
        *,
        head: bytes = b"",
        owner: str = "",
    ) -> None:
        """require_space: raises OutOfSpaceError where the spool is over its watermark.

        head: what stands in the file before the data set; owner: what its name begins with.
        """
        self.name = f"{folder}/{owner}{uuid.uuid4().hex}.part"
        self.failure: ScreeningError | None = None
        self._max_bytes = max_bytes
        self._arrived_bytes = 0
        self._digest = hashlib.sha256()
        self._require_space = require_space
        self._descriptor: int | None = None
        try:
            require_space()
            self._descriptor = os.open(self.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            _write_all(self._descriptor, head)
            self._arrived_bytes = len(head)
        except OutOfSpaceError as error:
            self._fail(error)
        except OSError as error:
            self._fail(_no_space(error))

    @property
    def sha256(self) -> str:
        """The SHA-256 of the data set, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def write(self, data: memoryview | bytes) -> int:
        """Append to the data set; after a failure, take the bytes and drop them.

        Raises ObjectTooLargeError, which ends the association, where an object that is too large
        does not end by twice the limit.
        """
        before = self._arrived_bytes
        self._arrived_bytes += len(data)
        if self._arrived_bytes > 2 * self._max_bytes:
            raise ObjectTooLargeError("the object does not end")
        if self._descriptor is None:
            return len(data)
        if self._arrived_bytes > self._max_bytes:
            self._fail(ObjectTooLargeError("the object is larger than SCREENING_MAX_OBJECT_MIB"))
            return len(data)
        try:
            if before // SPACE_CHECK_BYTES != self._arrived_bytes // SPACE_CHECK_BYTES:
                self._require_space()
            _write_all(self._descriptor, data)
            self._digest.update(data)
        except OutOfSpaceError as error:
            self._fail(error)
        except OSError as error:
            self._fail(_no_space(error))
        return len(data)

    def finish(self) -> Path:
        """Close and return the path of the whole object.

        Raises the failure that was met while it arrived.
        """
        self.close()
        if self.failure is not None:
            raise self.failure
        return Path(self.name)

    def discard(self) -> None:
        """Remove the file if it is still there."""
        self.close()
        with suppress(OSError):
            os.unlink(self.name)  # noqa: PTH108  once more for each object

    def __del__(self) -> None:
        """Remove what a broken association left behind: nothing refers to it any more."""
        self.discard()

    def _fail(self, failure: ScreeningError) -> None:
        self.failure = failure
        self.discard()

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write_all(descriptor: int, data: memoryview | bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _no_space(error: OSError) -> OutOfSpaceError:
    return OutOfSpaceError(f"spool: the object was not taken: {error.strerror}")
