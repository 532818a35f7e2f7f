"""Python runs this at the start of every process that has its folder on PYTHONPATH.

A classify worker that opens the file whose path ends in DEADLY_FILE dies there, as one dies of a
decoder's bug (DEADLY_HOW=segfault) or by the kernel when memory runs out (DEADLY_HOW=kill). As it
is started again each time, it knows the thin networks of `tests.bundles`, too.
"""

import ctypes
import os
import signal
import sys

from tests.bundles.thin_hook import know_thin_networks

ENDING = os.environ.get("DEADLY_FILE", "")
HOW = os.environ.get("DEADLY_HOW", "segfault")


def die_of_the_file(event: str, arguments: tuple[object, ...]) -> None:
    """Die where the file is opened; an audit hook sees every opening."""
    if event != "open" or not str(arguments[0]).endswith(ENDING) or "classify" not in sys.argv:
        return
    if HOW == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.string_at(0)


if ENDING:
    sys.addaudithook(die_of_the_file)
    sys.addaudithook(know_thin_networks)
