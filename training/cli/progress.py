"""Shows a run's progress on the terminal: a bar with the time left, a line per epoch."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from training.runs.history import EpochRecord


class ConsoleReport:
    """A `RunReport` for people; on a pipe only the lines are written, no bar."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console or Console(soft_wrap=True),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print one line."""
        self._progress.console.print(text, markup=False, highlight=False)

    def begin(self, what: str, images: int) -> None:
        """Begin a bar of so many images in place of the one before."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=images)

    def advance(self, images: int) -> None:
        """Move the bar on."""
        if self._task is not None:
            self._progress.advance(self._task, images)

    def epoch(self, record: EpochRecord) -> None:
        """Print an epoch's figures, its speed, and the share of time spent waiting for images."""
        speed = record.images / max(record.duration_s, 1e-9)
        left_out = record.left_out_area
        unseen = "" if left_out is None else f"; hospitals left out {left_out:.3f}"
        waited = 100 * record.wait_s / max(record.duration_s, 1e-9)
        self.say(
            f"phase {record.phase} epoch {record.epoch}: loss {record.loss:.4f}, accuracy "
            f"{record.accuracy:.3f}; validation loss {record.validation_loss:.4f}, accuracy "
            f"{record.validation_accuracy:.3f}{' (best)' if record.best else ''}"
            f"{unseen}; {record.duration_s:.0f} s, {speed:.1f} images/s, {waited:.0f} % waiting "
            "for images"
        )
