"""Files in a folder, each whole or not there, for any rendering."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import (
    KINDS,
    Answer,
    Check,
    DestinationKind,
    Ending,
    Site,
    StoredReport,
)
from screening.delivery.rendering import Rendering
from screening.whole_files import write_whole

WRITTEN, NOT_WRITTEN = "written", "not written"
OUTCOMES: Mapping[str, Ending] = {
    WRITTEN: Ending.DELIVERED,
    NOT_WRITTEN: Ending.RETRY,
}


class FolderSettings(DestinationSettings):
    """A folder that files are written to."""

    folder: Path


@dataclass(frozen=True, slots=True)
class FolderSender:
    """Writes each report to <folder>/<day made>/<SOP Instance UID><suffix>."""

    folder: Path
    suffix: str = ".dcm"

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Write the files; the UIDs are ours, so they are safe as names."""
        for report in reports:
            day = self.folder / report.made_at.date().isoformat()
            try:
                _write(day / f"{report.sop_instance_uid}{self.suffix}", report.content)
            except OSError as error:
                yield Answer(NOT_WRITTEN, "", f"expected to write to {day}: {error.strerror}")
            else:
                yield Answer(WRITTEN, "", "written")

    def test(self) -> Iterator[Check]:
        """Write a file and remove it again."""
        path = self.folder / f"{uuid.uuid4().hex}.test"
        try:
            _write(path, b"")
            path.unlink()
        except OSError as error:
            message = f"expected to write to {self.folder}: {error.strerror}; let us write there"
            yield Check("writable", passed=False, message=message)
        else:
            yield Check("writable", passed=True, message=f"files can be written to {self.folder}")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _connect(chosen: FolderSettings, rendering: Rendering, site: Site) -> FolderSender:
    del site
    return FolderSender(chosen.folder, rendering.suffix)


KINDS.register(
    DestinationKind(
        name="folder",
        meaning="files in a folder",
        settings=FolderSettings,
        media_types=None,
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
