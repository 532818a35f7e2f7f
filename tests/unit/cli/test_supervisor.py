"""What the supervisor says of a station that ended."""

import pytest

from screening.cli.running.supervisor import _in_words


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"event": "station_not_started", "reason": "expected a port"}', "expected a port"),
        ('{"event": "worker_deaf", "rings": 12}', "worker_deaf"),
        ("Illegal instruction", "Illegal instruction"),
        ("[1]", "[1]"),
        ("{}", "{}"),
    ],
)
def test_the_last_line_of_a_log_is_told_in_words(line: str, said: str) -> None:
    """An event's reason; of other events the name; what a library left as it is."""
    assert _in_words(line) == said
