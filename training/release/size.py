"""How large a released bundle's files may be."""

from pathlib import Path

from training.errors import TrainingError

LARGEST_FILE_BYTES = 45_000_000
"""Many file hosts and reviews refuse larger ones; `screening.networks.weights` splits below it."""
MOST_BYTES = 80_000_000
"""All files of a bundle together: it comes with the package."""


def check_size(directory: Path, most_bytes: int = MOST_BYTES) -> None:
    """Raise TrainingError where a file in the directory, or all of them together, are too large."""
    sizes = {path.name: path.stat().st_size for path in directory.iterdir()}
    largest = max(sizes, key=lambda name: sizes[name])
    if sizes[largest] > LARGEST_FILE_BYTES:
        raise TrainingError(
            f"{largest}: expected at most {_megabytes(LARGEST_FILE_BYTES)} in one file, found "
            f"{_megabytes(sizes[largest])}; store its weights with --precision int7, or release a "
            "smaller network"
        )
    total = sum(sizes.values())
    if total > most_bytes:
        raise TrainingError(
            f"expected a bundle of at most {_megabytes(most_bytes)}, found {_megabytes(total)} "
            f"({', '.join(f'{name} {_megabytes(size)}' for name, size in sorted(sizes.items()))}); "
            "store the weights with --precision int7, leave a run out, or raise --most-megabytes"
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
