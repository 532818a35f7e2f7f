"""A run's report for tests that ask only for what the run leaves."""

from training.runs.history import EpochRecord


class QuietReport:
    """Hears everything, keeps nothing."""

    def say(self, text: str) -> None:
        """Pass over a fact."""

    def begin(self, what: str, images: int) -> None:
        """Pass over a task."""

    def advance(self, images: int) -> None:
        """Pass over progress."""

    def epoch(self, record: EpochRecord) -> None:
        """Pass over an epoch."""
