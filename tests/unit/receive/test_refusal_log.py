"""What anybody can provoke does not fill the log."""

import pytest
import structlog

from screening.receive import refusal_log
from screening.receive.refusal_log import RefusalLog


def test_a_minute_has_one_line_for_an_address_event_and_reason() -> None:
    """Others have theirs; the next line says how many were left out."""
    said = RefusalLog(interval_s=60)
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            said.note("connection_refused", peer_address="10.0.0.1", reason="why")
        said.note("connection_refused", peer_address="10.0.0.2", reason="why")
        said.note("connection_dropped", peer_address="10.0.0.1", reason="why")
        said.note("connection_refused", peer_address="10.0.0.1", reason="why else")
    assert [(line["event"], line["peer_address"], line["reason"]) for line in lines] == [
        ("connection_refused", "10.0.0.1", "why"),
        ("connection_refused", "10.0.0.2", "why"),
        ("connection_dropped", "10.0.0.1", "why"),
        ("connection_refused", "10.0.0.1", "why else"),
    ]


def test_an_address_has_so_many_lines_whatever_its_reasons() -> None:
    """A scanner that finds a new fault with each connection does not fill the log either."""
    said = RefusalLog(interval_s=60)
    with structlog.testing.capture_logs() as lines:
        for number in range(100):
            said.note("pdu_refused", peer_address="10.0.0.1", reason=f"{number} bytes")
        said.note("pdu_refused", peer_address="10.0.0.2", reason="1 byte")
    assert len(lines) == refusal_log.MOST_OF_ADDRESS + 1
    assert lines[-1]["peer_address"] == "10.0.0.2"


def test_what_was_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first line after the interval."""
    now = [0.0]
    monkeypatch.setattr(refusal_log.time, "monotonic", lambda: now[0])
    said = RefusalLog(interval_s=60)
    with structlog.testing.capture_logs() as lines:
        for now[0] in (0.0, 1.0, 2.0, 61.0):
            said.note("connection_refused", peer_address="10.0.0.1", reason="why")
    assert [line["unsaid_before"] for line in lines] == [0, 2]
