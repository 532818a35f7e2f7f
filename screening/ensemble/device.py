"""What the ensemble computes on: how it is set up, and how its lack of memory is told.

Importing this module loads Keras, and what it runs on.
"""

import contextlib
from collections.abc import Iterator

import keras

from screening.errors import OutOfMemoryError, SettingsError
from screening.networks.compiled import RUNTIMES, runtime


def set_up_runtime() -> None:
    """Prepare what Keras runs on; before the first network is built.

    Raises SettingsError where Keras runs on anything that no bundle is scored with.
    """
    found = runtime()
    if found is None:
        raise SettingsError(
            f"expected Keras to use {' or '.join(RUNTIMES)}, found {keras.backend.backend()}; "
            "unset KERAS_BACKEND"
        )
    found.set_up()


@contextlib.contextmanager
def memory_for(what: str) -> Iterator[None]:
    """Raise OutOfMemoryError where the block runs out of memory, the device's or the machine's."""
    try:
        yield
    except Exception as error:
        found = runtime()
        if not isinstance(error, MemoryError) and not (found and found.is_about_memory(error)):
            raise
        raise OutOfMemoryError(
            f"expected memory for {what}, found too little; stop what else uses the device, "
            "or lower SCREENING_BATCH_SIZE"
        ) from error
