"""What was measured of networks and bundles, kept beside them as JSON.

The manifest of a bundle does not list these: they are measured after it is sealed, and may be
measured again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from screening.whole_files import write_whole
from training.errors import TrainingError

EVALUATION_NAME = "evaluation.json"
"""Of `screening train evaluate --bundle`, in the bundle's folder."""
OUTLIER_CHECK_NAME = "outlier-check.json"
"""Of `screening train outlier-check`, in the bundle's folder."""
CONTRAST_ROBUSTNESS_NAME = "contrast-robustness.json"
"""Of `screening train contrast-robustness`, in the bundle's folder."""
LEFT_OUT_NAME = "left-out.json"
"""Of `screening train evaluate --leave-out-hospital --bundle`, in the bundle's folder."""
AUGMENTATION_NAME = "test-time-augmentation.json"
"""Of `screening train evaluate --bundle --test-time-augmentation`, in the folder of --out."""
SITE_LEVELS_NAME = "site-levels.json"
"""Of `screening train evaluate --bundle --site-levels`, in the bundle's folder."""
PROBE_NAME = "source-probe.json"
"""Of `screening train probe`, in the fold's folder."""


def write_beside(directory: Path, name: str, content: Mapping[str, Any]) -> Path:
    """Write a JSON document into a folder, whole or not at all; raises TrainingError."""
    path = directory / name
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    try:
        write_whole(path, text.encode(), sole_writer=True)
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; make room") from error
    return path


def read_beside(directory: Path, name: str) -> dict[str, Any] | None:
    """Return a JSON document that a measurement left, None where it was not run."""
    path = directory / name
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"expected measurements in {path}, cannot read them ({type(error).__name__}); remove "
            "the file and measure again"
        ) from error
    return content
