"""What goes wrong while data are prepared and networks trained, before hours are spent."""

from screening.errors import StartupError


class TrainingError(StartupError):
    """The command cannot start as asked; the message names the file and the remedy."""


class DataError(TrainingError):
    """A manifest, data set or table is missing, damaged or contradicts itself."""
