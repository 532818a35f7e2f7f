"""Where a bundle comes from, as its manifest says it."""

import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.data.manifest import ImageRow
from training.data.splits import Part
from training.runs.folder import HISTORY, read_split
from training.runs.held_out_scores import TrainedFold
from training.runs.history import read_history

LIBRARIES = ("keras", "numpy", "pillow", "pydicom", "tensorflow")


def code_revision() -> str | None:
    """Return the git revision of this package, "-modified" where files differ, None without git."""
    git = shutil.which("git")
    here = Path(__file__).parent
    if git is None:
        return None
    revision = _said([git, "-C", str(here), "rev-parse", "HEAD"])
    if revision is None:
        return None
    code = ["training", "screening", ":!screening/bundles/released"]  # a bundle being written
    changed = _said([git, "-C", str(here.parent), "status", "--porcelain", "--", *code])
    return f"{revision}-modified" if changed else revision


def library_versions() -> dict[str, str]:
    """Return the versions that shape a network's scores, of Python too."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def member_provenance(fold: TrainedFold, rows: Mapping[str, ImageRow]) -> dict[str, Any]:
    """Return how one member was trained, and on how many images of each class and source.

    rows: of the data manifest, by pixels_sha256.
    """
    record = fold.record
    return {
        "protocol": record.protocol,
        "run": record.identity,
        "fold": fold.fold,
        "seed": record.seed,
        "precision": record.precision,
        "start": dict(record.start),
        "normal_within_hospitals": record.normal_within_hospitals,
        "epochs": len(read_history(fold.directory / HISTORY)),
        "images": {part.value: _images(fold, part, rows) for part in Part if _has(fold, part)},
    }


def _has(fold: TrainedFold, part: Part) -> bool:
    return any(used.part is part for used in read_split(fold.directory))


def _images(
    fold: TrainedFold, part: Part, rows: Mapping[str, ImageRow]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for used in read_split(fold.directory):
        if used.part is part:
            counts.setdefault(used.klass, Counter())[rows[used.pixels_sha256].source] += 1
    return {klass: dict(sorted(counts[klass].items())) for klass in sorted(counts)}


def _said(command: Sequence[str]) -> str | None:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None
