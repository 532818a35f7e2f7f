"""Where reports go: the reports folder and the site's DICOM peers, behind one small interface."""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from screening.renderings.structured_report.codes import Profile
from screening.settings import Settings
from screening.storage_scu.destination import DicomDestination, configured_peer
from screening.storage_scu.outcomes import Outcome, SendResult
from screening.storage_scu.peer_comment import without_patient
from screening.storage_scu.scu import send_objects

FOLDER_NAME = "reports-folder"


class Ending(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"


ENDING_OF_OUTCOME: Mapping[Outcome, Ending] = {
    Outcome.DELIVERED: Ending.DELIVERED,
    Outcome.RETRY: Ending.RETRY,
    Outcome.REFUSED: Ending.REFUSED,
    Outcome.UNSENDABLE: Ending.REFUSED,
    Outcome.SKIPPED: Ending.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's ending, the peer's status (or "") and a sentence for people."""

    ending: Ending
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as its row holds it; `content` is a whole DICOM Part 10 file."""

    sop_instance_uid: str
    sop_class_uid: str
    made_at: datetime
    content: bytes


class Destination(Protocol):
    """Takes reports."""

    @property
    def name(self) -> str:
        """The name in settings, rows and logs."""
        ...

    @property
    def profile(self) -> Profile:
        """The SR profile it takes."""
        ...

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Attempt]:
        """Send reports; yield one attempt for each, in their order, as soon as it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class FolderDestination:
    """Writes each report to <folder>/<day made>/<SOP Instance UID>.dcm, whole or not at all."""

    folder: Path
    name: str = FOLDER_NAME
    profile: Profile = Profile.COMPREHENSIVE

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Attempt]:
        """Write the files; the UIDs are ours, so they are safe as names."""
        for report in reports:
            day = self.folder / report.made_at.date().isoformat()
            try:
                _write_durably(day / f"{report.sop_instance_uid}.dcm", report.content)
            except OSError as error:
                yield Attempt(Ending.RETRY, "", f"expected to write to {day}: {error.strerror}")
            else:
                yield Attempt(Ending.DELIVERED, "", "written")


@dataclass(frozen=True, slots=True)
class PeerDestination:
    """Sends reports to a Storage SCP over one association."""

    peer: DicomDestination
    profile: Profile

    @property
    def name(self) -> str:
        """The name in settings, rows and logs."""
        return self.peer.name

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Attempt]:
        """Send the stored bytes."""
        results = send_objects(self.peer, [report.content for report in reports])
        for result, report in zip(results, reports, strict=True):
            yield _attempt(result, report)


def destination_names(settings: Settings) -> list[str]:
    """Return the names of the destinations that the settings name."""
    names = [peer.name for peer in settings.destinations]
    return [*names, FOLDER_NAME] if settings.reports_folder else names


def configured_destinations(settings: Settings) -> list[Destination]:
    """Return the destinations that the settings name.

    Raises SettingsError where one wants TLS and its files are not right.
    """
    destinations: list[Destination] = [
        PeerDestination(configured_peer(peer, settings, name=peer.name), Profile(peer.profile))
        for peer in settings.destinations
    ]
    if settings.reports_folder:
        destinations.append(FolderDestination(settings.reports_dir))
    return destinations


def _attempt(result: SendResult, report: StoredReport) -> Attempt:
    message = without_patient(result.comment, report.content)
    return Attempt(ENDING_OF_OUTCOME[result.outcome], result.status_hex, message)


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{uuid.uuid4().hex}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
