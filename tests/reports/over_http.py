"""Destinations over HTTP, ready to be sent to, and what is sent there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from screening.delivery.destination import Destination, connected
from screening.delivery.kind import Attempt, StoredReport
from screening.settings import load_settings

UID = "2.25.77"
REPORT = StoredReport(
    UID, "1.2.840.10008.5.1.4.1.1.88.33", datetime(2026, 3, 1, tzinfo=UTC), b"DCM"
)


def over_http(
    kind: str, url: str, settings: dict[str, Any] | None = None, **keys: Any
) -> Destination:
    """Return a destination as the settings describe it."""
    entry = {"name": "web", "kind": kind, "url": url, "timeout_s": 5, **keys}
    told = load_settings(destinations=[entry], reports_folder=False, **(settings or {}))
    [destination] = connected(told.all_destinations, told.site)
    return destination


def send(destination: Destination, report: StoredReport = REPORT) -> Attempt:
    """Send one report."""
    [attempt] = destination.send([report])
    return attempt


def secret(folder: Path, text: str, mode: int = 0o600) -> str:
    """Write a secret's file; return its path."""
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)
