"""docs/stow-rs.md says what the program does."""

import re
from pathlib import Path

from screening.receive.stow_rs import connections, payload, server, transaction
from screening.receive.stow_rs.answers import ALL_STORED, NOTHING_STORED, SOME_STORED

PAGE = Path(__file__).parents[2] / "docs/stow-rs.md"
OF_REQUESTS = {400, 401, 403, 404, 405, 406, transaction.TOO_SLOW, transaction.TOO_LARGE, 415}
"""What is answered about a request as a whole."""


def test_the_page_lists_every_status() -> None:
    """Each HTTP status that the tables and checks lead to, and no other."""
    listed = {
        int(status) for status in re.findall(r"^\| (\d{3}) \|", PAGE.read_text(), re.MULTILINE)
    }
    of_instances = {rule.http_status for rule in NOTHING_STORED} | {ALL_STORED, SOME_STORED}
    assert listed == of_instances | OF_REQUESTS


def test_the_page_gives_the_limits() -> None:
    """Times, sizes and numbers are those that the program sets."""
    values = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
    speed = f"{transaction.PIECE_BYTES >> 10} KiB in {transaction.PIECE_TIMEOUT_S:g} s"
    assert values["speed"].endswith(speed)
    assert values["connection without a request"] == f"{connections.IDLE_S:g} s"
    assert values["connections at once"].startswith(f"{server.CONNECTIONS_FOR_A_REQUEST} for each")
    assert values["parts"] == str(payload.MOST_PARTS)
    assert values["line and headers of a request"] == f"{server.LARGEST_HEAD_BYTES} bytes"
