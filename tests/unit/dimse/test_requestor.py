"""An association's own thread leaves answers to the thread that asks the peer."""

from collections.abc import Iterator

import pytest
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.transport import AddressInformation

from screening.dimse.requestor import GuardedEntity

CONTEXT_ID = 1


@pytest.fixture
def association() -> Iterator[Association]:
    """Return an association as requestor, with an answer that has come."""
    entity = GuardedEntity("SCREENING")
    made = Association(entity, "requestor")
    connection = entity._create_socket(made, AddressInformation("127.0.0.1", 0), None)
    made.dimse.msg_queue.put((CONTEXT_ID, C_STORE()))
    yield made
    connection.socket.close()


def test_a_thread_that_is_to_pause_takes_no_answer(association: Association) -> None:
    """Nor one that rested when it was asked, and has not paused yet."""
    association._reactor_checkpoint.clear()
    assert association.dimse.get_msg(block=False) == (None, None)
    context_id, answer = association.dimse.get_msg(block=True)
    assert (context_id, type(answer)) == (CONTEXT_ID, C_STORE)


def test_otherwise_it_takes_what_the_peer_says(association: Association) -> None:
    """Between two exchanges a peer's request is its to answer."""
    context_id, message = association.dimse.get_msg(block=False)
    assert (context_id, type(message)) == (CONTEXT_ID, C_STORE)
