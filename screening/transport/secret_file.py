"""A secret in a file that its owner alone may read; read anew each time, since it may rotate."""

import os
import stat
from pathlib import Path

from screening.errors import SettingsError

OTHERS = 0o077
"""Mode bits that let group or others do anything."""
LARGEST_BYTES = 16384


def read_secret(path: Path) -> str:
    """Return a secret without the white space around it.

    Raises SettingsError where the file is not there, is empty or large, holds more than one line,
    or may be read by others. No message repeats what is in it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _wrong(path, f"{error.strerror}; write it, or correct the path") from None
    if mode & OTHERS:
        raise _wrong(path, f"mode {stat.S_IMODE(mode):04o}: others may use it; run chmod 600 on it")
    try:
        secret = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise _wrong(path, "bytes that are no UTF-8 text") from None
    if not secret or len(content) > LARGEST_BYTES or not secret.isprintable():
        raise _wrong(path, "none, or several lines")
    return secret


def _wrong(path: Path, found: str) -> SettingsError:
    return SettingsError(f"expected one line with a secret in {path}, found {found}")
