"""An association that a test requests with pynetdicom's own entity, ended whatever became of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom.association import Association


@contextmanager
def ended(association: Association) -> Iterator[Association]:
    """Yield an association that must be established; release it, and close its connection.

    pynetdicom 3.0.4 leaves the connection open where the peer was killed: it tries to shut it down
    first, and that fails.
    """
    assert association.is_established
    connection = association.dul.socket.socket
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        connection.close()
