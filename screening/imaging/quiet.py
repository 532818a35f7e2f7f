"""Keeps pydicom's remarks about a data set, which may quote patient attributes, to itself."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from pydicom import dataset

logging.getLogger("pydicom").propagate = False
logging.getLogger("PIL").propagate = False

# It puts the text and the traceback of an error into the next one, at every sequence that the error
# passes: a damaged value under 40 sequences, a few kilobytes, would cost gigabytes.
dataset.tag_in_exception = nullcontext  # type: ignore[assignment, attr-defined]

_lock = threading.Lock()
_inside: "list[warnings.catch_warnings[None]]" = []
_depth = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings while any thread is inside.

    `warnings.catch_warnings` alone is not safe where several threads decode at once: the first to
    leave would restore the filters of the last to enter. Here only the first entry saves them and
    only the last exit restores them.
    """
    global _depth  # noqa: PLW0603  the interpreter's warning filters are global too
    with _lock:
        if _depth == 0:
            catcher = warnings.catch_warnings(action="ignore")
            catcher.__enter__()
            _inside.append(catcher)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _inside.pop().__exit__(None, None, None)
