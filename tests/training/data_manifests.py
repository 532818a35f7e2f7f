"""Rows of data manifests, and small images for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.training.image_rows import image_row
from training.data.manifest import ImageRow, Label, write_manifest


def rows_of(
    source: str, label: Label, count: int, *, first: int = 0, group: str = ""
) -> list[ImageRow]:
    """Return rows of one source and label; each its own group, or all of `group`."""
    rows = []
    for number in range(first, first + count):
        name = f"{source}-{label}-{number}"
        whose = group or name
        rows.append(
            image_row(
                name,
                path=Path(f"{name}.png"),
                source=source,
                label=label,
                patient_id=whose,
                split_group=whose,
            )
        )
    return rows


def every_collection() -> list[ImageRow]:
    """Return a few images of every source and label that a protocol draws from."""
    return [
        *rows_of("ieee8023", Label.COVID19, 16),
        *rows_of("ieee8023", Label.PNEUMONIA_OTHER, 4),
        *rows_of("kermany", Label.NORMAL, 16),
        *rows_of("kermany", Label.BACTERIAL, 16),
        *rows_of("kermany", Label.VIRAL_OTHER, 16),
        *rows_of("nih_cxr8", Label.NORMAL, 8),
        *rows_of("nih_cxr8", Label.PNEUMONIA_OTHER, 8),
        *rows_of("pakistan_tb", Label.TUBERCULOSIS, 8),
    ]


def write_pictures(folder: Path, rows: list[ImageRow]) -> Path:
    """Write an image for every row, brighter for normals, and the manifest; return its path."""
    random = np.random.default_rng(0)
    for row in rows:
        grey = random.integers(0, 200, (64, 64)) + (55 if row.label is Label.NORMAL else 0)
        Image.fromarray(grey.astype(np.uint8)).save(folder / row.path)
    manifest = folder / "manifest.csv"
    write_manifest(manifest, [replace(row, path=folder / row.path) for row in rows])
    return manifest
