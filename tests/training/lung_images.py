"""Small made images with lungs, their masks, and the folders that training takes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.training.image_rows import write_table


def lungs_of(seed: int, rows: int = 96, columns: int = 80) -> NDArray[np.bool_]:
    """Return where two ellipses lie side by side; another seed, another place and size."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    high, wide = random.uniform(0.5, 0.75), random.uniform(0.22, 0.3)
    up = random.uniform(-0.15, 0.15)
    halves = [((y - up) / high) ** 2 + ((x - side) / wide) ** 2 < 1 for side in (-0.45, 0.45)]
    return np.asarray(halves[0] | halves[1])


def picture_of(lungs: NDArray[np.bool_], seed: int) -> NDArray[np.uint8]:
    """Return a light image with dark lungs and grain."""
    grain = np.random.default_rng(seed).integers(0, 30, lungs.shape, dtype=np.uint8)
    return np.where(lungs, np.uint8(50), np.uint8(190)) + grain


def write_lung_data(root: Path, count: int = 12) -> tuple[Path, Path]:
    """Write images of two a split group, their masks, and boxes; return both folders."""
    images, masks = root / "images", root / "masks"
    (images / "site").mkdir(parents=True)
    masks.mkdir()
    rows, boxes = [], []
    for seed in range(count):
        lungs, name = lungs_of(seed), f"site/p{seed}.png"
        Image.fromarray(picture_of(lungs, seed)).save(images / name)
        Image.fromarray(lungs).save(masks / f"p{seed}.png")
        rows.append({"file": name, "split_group": f"g{seed // 2}"})
        ys, xs = np.where(lungs)
        box = {"x": xs.min(), "y": ys.min(), "width": np.ptp(xs) + 1, "height": np.ptp(ys) + 1}
        boxes.append({"file": name, "lung": "both", **box})
    write_table(images / "manifest.csv", rows)
    write_table(masks / "boxes.csv", boxes)
    return images, masks
