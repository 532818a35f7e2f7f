"""Keeps what holds patient data from everybody but its owner: files 0600, folders 0700.

Names and images lie in the database and in the spool, reports name patients, and logs and messages
tell which studies there are. So whoever writes them does it under a umask of its own, whatever the
one it was started with, and what an earlier version left open is mended when a station starts.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

UMASK = 0o077
OTHERS = 0o077
"""Mode bits that give group or others anything."""
EVERYBODY = 0o007


@contextmanager
def privately() -> Iterator[None]:
    """Have every file that this process makes inside the block be its owner's alone."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def make_private(paths: Iterable[Path]) -> list[Path]:
    """Take from files, and folders with all in them, what group and others may do.

    Returns what refuses and is open to everybody. A folder that is private already is not looked
    into, so that only the first start after an older version takes its time. Symbolic links are
    left alone, as is what is not there.
    """
    return [refused for path in paths for refused in _made_private(path)]


def _made_private(path: Path) -> Iterator[Path]:
    mode = 0
    try:
        mode = path.lstat().st_mode
        if mode & OTHERS and stat.S_ISDIR(mode):
            for entry in list(path.iterdir()):
                yield from _made_private(entry)
        if mode & OTHERS and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)  # last: what is inside is private by then
    except FileNotFoundError:
        return
    except OSError:
        if mode & EVERYBODY:
            yield path
