"""How a station loads its modules."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Collect no garbage inside, and never look for any among what was loaded.

    Modules stay, and looking through them again and again takes a fifth of the start's processor
    time. Processes that are forked later go on sharing their memory.
    For imports alone: what is made inside and given up later is never collected.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
