"""What senders heard is added up."""

from tests.load.peers import Sent


def test_associations_at_once_are_counted_in_their_busiest_moment() -> None:
    """Two overlap, a third begins when they are over."""
    sent = Sent(held=[(0, 10), (5, 15)])
    sent.add(Sent(held=[(20, 30)], refused=2))
    assert (sent.most_at_once, sent.refused) == (2, 2)
