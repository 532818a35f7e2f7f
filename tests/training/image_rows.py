"""Rows and small trees of images for tests of the training package's data side."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.data.hospitals import hospital_of
from training.data.manifest import ImageRow, Label, View


def digest(text: str) -> str:
    """Return a made-up SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def image_row(name: str, **changes: Any) -> ImageRow:
    """Return a row of its own patient and group, with changes."""
    values: dict[str, Any] = {
        "path": Path("/images") / f"{name}.png",
        "source": "site",
        "label": Label.NORMAL,
        "view": View.PA,
        "patient_id": f"site:{name}",
        "split_group": f"group {name}",
        "sha256": digest(name),
        "pixels_sha256": digest(f"pixels {name}"),
        "width": 320,
        "height": 300,
    }
    values |= changes
    values.setdefault("hospital", hospital_of(values["source"]))
    return ImageRow(**values)


def write_picture(path: Path, seed: int, side: int = 64) -> Path:
    """Write a smooth random image; the same seed gives the same grey values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a CSV table with the columns of its first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
