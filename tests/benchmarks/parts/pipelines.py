"""A whole path under way: SCP, classify and report worker, and a destination that takes note."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from screening.db.tables.instances import Classification
from screening.domain.lifecycle import ClassificationState
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.scu import send_objects
from tests.benchmarks.parts.sites import scoring_site, wait_for_event
from tests.benchmarks.run import Run, WrongOutputError
from tests.faults.destination import RecordingDestination, recording_destination
from tests.sites.site import Site

POLL_S = 0.002
STATIONS = {"receive": "scp_listening", "classify": "worker_ready", "report": "worker_ready"}
"""What each says once it takes work."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What runs."""

    site: Site
    destination: RecordingDestination

    @property
    def scp(self) -> DicomDestination:
        """The SCP as senders see it."""
        port = int(self.site.variables["SCREENING_SCP_PORT"])
        return DicomDestination("scp", "127.0.0.1", port, "SCREENING", "BENCH")

    def pid(self, station: str) -> int:
        """Return a station's process."""
        return self.site.processes[station].pid

    def send(self, path: Path) -> float:
        """Send one object; return the moment of its Success, of `time.perf_counter`."""
        results = send_objects(self.scp, [path])
        result = next(results)
        moment = time.perf_counter()
        list(results)
        if result.outcome is not Outcome.DELIVERED:
            raise WrongOutputError(f"expected Success, found {result.status_hex} {result.comment}")
        return moment

    def wait_for_reports(self, count: int, timeout_s: float) -> float:
        """Wait until so many reports have arrived; return that moment.

        Raises WrongOutputError where they do not.
        """
        deadline = time.perf_counter() + timeout_s
        while len(self.destination.arrivals) < count:
            if time.perf_counter() > deadline:
                raise WrongOutputError(
                    f"expected {count} reports within {timeout_s:.0f} s, found "
                    f"{len(self.destination.arrivals)}"
                )
            time.sleep(POLL_S)
        return time.perf_counter()

    def count(self, state: ClassificationState) -> int:
        """Count the images in a state."""
        rows = select(func.count()).where(Classification.state == state)
        with contextlib.closing(self.site.database) as database, database.read() as session:
            return session.execute(rows).scalar_one()

    def database_bytes(self) -> int:
        """Return the size of the SQLite database."""
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        with contextlib.closing(self.site.database) as database, database.read() as session:
            return int(session.execute(text(pages)).scalar_one())

    def timings(self) -> list[dict[str, Any]]:
        """Return what each classified image took, by step, in seconds."""
        with contextlib.closing(self.site.database) as database, database.read() as session:
            rows = session.scalars(select(Classification)).all()
            return [
                dict(row.timings or {})
                for row in rows
                if row.state == ClassificationState.CLASSIFIED
            ]


@contextlib.contextmanager
def running_pipeline(run: Run, name: str) -> Iterator[Pipeline]:
    """Run all stations on SQLite and the embedded broker, with the product's defaults."""
    with recording_destination() as destination:
        setting = json.dumps([destination.setting()])
        with scoring_site(
            run, name, SCREENING_DESTINATIONS=setting, SCREENING_REPORTS_FOLDER="false"
        ) as site:
            for station in STATIONS:
                site.start(station)
            for station, event in STATIONS.items():
                wait_for_event(site, station, event)
            yield Pipeline(site, destination)
