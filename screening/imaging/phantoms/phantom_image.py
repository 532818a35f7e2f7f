"""Draws a synthetic frontal chest radiograph: what attenuates is bright.

Shapes are drawn in unit coordinates: x from -1 (image left, the patient's right) to 1, y from 0
(top) to 1. Values are optical thickness: 0 = air, about 0.4 = lung, 1 = mediastinum.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Field: TypeAlias = NDArray[np.float64]

DRAWN_SIDE_PIXELS = 768
"""Shapes are drawn at this size; only the grain is made at full size."""
RIBS = 9
RIB_SOFTNESS = 0.002
BODY_OUTLINE = ((0, 0.05, 0.11, 0.2, 0.32, 0.45, 1), (0.26, 0.3, 0.62, 1.0, 1.08, 0.9, 0.9))
LUNG_LATERAL = ((0.08, 0.14, 0.24, 0.4, 0.6, 0.9), (0.34, 0.46, 0.6, 0.68, 0.73, 0.76))
LUNG_MEDIAL = ((0.1, 0.3, 0.5, 0.9), (0.15, 0.12, 0.15, 0.15))
"""Distance from the middle by height: (heights, half widths)."""


@dataclass(frozen=True, slots=True)
class _Anatomy:
    """What differs from one synthetic patient to the next; lengths in unit coordinates."""

    lung_scale: float
    lung_top: float
    diaphragm: float
    heart_width: float
    lean: float
    rib_contrast: float
    opacity: float


@dataclass(frozen=True, slots=True)
class _Grid:
    """Coordinates of the drawn columns and rows, and each column's distance from the middle.

    x and aside are one row, y is one column: what depends on one of them alone is worked out once.
    """

    x: Field
    y: Field
    aside: Field


def phantom_image(seed: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return a synthetic chest radiograph, the same for the same arguments.

    Returns (rows, columns) uint8, 0 = black, 255 = white; lungs dark, bones and heart bright.
    Two of three seeds have patchy opacities in the lungs.
    """
    random = np.random.default_rng(seed)
    anatomy = _Anatomy(
        lung_scale=random.uniform(0.93, 1.04),
        lung_top=random.uniform(0.09, 0.12),
        diaphragm=random.uniform(0.74, 0.81),
        heart_width=random.uniform(0.27, 0.34),
        lean=random.uniform(-0.03, 0.03),
        rib_contrast=random.uniform(0.09, 0.12),
        opacity=random.uniform(0.16, 0.26) if seed % 3 else 0.0,
    )
    drawn = Image.fromarray(_draw(anatomy, random).astype(np.float32))
    thickness = np.asarray(drawn.resize((columns, rows), Image.Resampling.BICUBIC))
    image = _film(thickness.astype(np.float64))
    image += (1.2 + image / 100.0) * random.normal(0.0, 1.0, (rows, columns))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _film(thickness: Field) -> Field:
    """Return grey 5 to 245: a steep middle and soft ends, as a film's curve has."""
    return np.asarray(5.0 + 240.0 / (1.0 + np.exp(-5.0 * (thickness - 0.62))))


def _draw(anatomy: _Anatomy, random: np.random.Generator) -> Field:
    side = DRAWN_SIDE_PIXELS * 1j
    y, x = np.mgrid[0:1:side, -1:1:side]
    x = x[:1] - anatomy.lean
    grid = _Grid(x, y[:, :1], np.abs(x))
    body, lungs = _body(grid), _lungs(grid, anatomy)
    air = lungs * (0.40 - _patches(grid, anatomy, random) - 0.09 * _vessels(random))
    bones = anatomy.rib_contrast * _ribs(grid, anatomy) + 0.13 * _clavicles(grid)
    soft = 0.78 + 0.012 * (_noise(random, 90) + 0.5 * _noise(random, 25)) + _midline(grid, anatomy)
    thickness = body * (soft - air + bones) + 0.1 * _below_lungs(grid, anatomy) * body
    return _soften(thickness, 2) + _side_marker()


def _step(distance: Field, softness: float) -> Field:
    """Return 1 where `distance` is well above 0, 0 where well below, soft in between."""
    exponent = np.asarray(-distance / softness)
    np.clip(exponent, -60, 60, out=exponent)
    return np.asarray(1.0 / (1.0 + np.exp(exponent, out=exponent)))


def _bump(x: Field, y: Field, width: float, height: float) -> Field:
    return np.asarray(np.exp(-((x / width) ** 2) - (y / height) ** 2))


def _body(grid: _Grid) -> Field:
    half_width = np.interp(grid.y, *BODY_OUTLINE)
    depth = np.sqrt(np.clip(1.0 - (grid.aside / (1.15 * half_width)) ** 2, 0.0, 1.0))
    return _step(half_width - grid.aside, 0.008) * (0.62 + 0.38 * depth)


def _domes(grid: _Grid, anatomy: _Anatomy) -> Field:
    """Return the height of the diaphragm: two domes, the patient's left a little lower."""
    dome = anatomy.diaphragm + 0.9 * (grid.aside - 0.36) ** 2
    return np.asarray(dome + 0.025 * (grid.x > 0))


def _lungs(grid: _Grid, anatomy: _Anatomy) -> Field:
    lateral = anatomy.lung_scale * np.interp(grid.y, *LUNG_LATERAL)
    apex = anatomy.lung_top + 2.2 * np.clip(0.26 - grid.aside, 0, 1) ** 2
    return (
        _step(lateral - grid.aside, 0.009)
        * _step(grid.aside - np.interp(grid.y, *LUNG_MEDIAL), 0.014)
        * _step(_domes(grid, anatomy) - grid.y, 0.005)
        * _step(grid.y - apex, 0.008)
        * (1.0 - 0.85 * _heart(grid, anatomy))
        * (0.80 + 0.20 * _bump(grid.aside - 0.42, grid.y - 0.4, 0.35, 0.4))
    )


def _heart(grid: _Grid, anatomy: _Anatomy) -> Field:
    """Return the heart's shadow: an oval, tilted to the patient's left (image right)."""
    x, y = grid.x - 0.10, 2 * (grid.y - (anatomy.diaphragm - 0.07))
    along, across = 0.85 * x + 0.53 * y, 0.85 * y - 0.53 * x
    radius = np.sqrt((along / (1.3 * anatomy.heart_width)) ** 2 + (across / 0.30) ** 2)
    return _step(1.0 - radius, 0.05)


def _midline(grid: _Grid, anatomy: _Anatomy) -> Field:
    """Return spine, great vessels, hila and heart, less the trachea's air."""
    discs = 1.0 + 0.10 * np.sin(2 * np.pi * grid.y * 22)
    spine = 0.15 * discs * _step(0.085 - grid.aside, 0.012)
    vessels = 0.10 * _step(0.14 - np.abs(grid.x - 0.01), 0.03) * _step(grid.y - 0.16, 0.04)
    knob = 0.09 * _bump(grid.x - 0.15, grid.y - 0.33, 0.07, 0.045)
    hila = 0.10 * _bump(grid.aside - 0.21, grid.y - 0.46, 0.075, 0.07)
    trachea = 0.13 * _step(0.034 - np.abs(grid.x + 0.01), 0.006) * _step(0.38 - grid.y, 0.02)
    return spine + vessels + knob + hila + 0.10 * _heart(grid, anatomy) - trachea


def _below_lungs(grid: _Grid, anatomy: _Anatomy) -> Field:
    """Return the belly, and the dark bubble of air in the stomach."""
    belly = _step(grid.y - _domes(grid, anatomy), 0.006)
    bubble = _bump(grid.x - 0.36, grid.y - anatomy.diaphragm - 0.10, 0.12, 0.03)
    return np.asarray(belly - 2.4 * bubble)


def _rib(distance: Field, thickness: float) -> Field:
    """Return one rib across: a bright edge on both sides and a fainter middle.

    It is worked out only near the rib: farther away it is less than 1e-16.
    """
    away = np.abs(distance)
    near = away < thickness + 38 * RIB_SOFTNESS
    away = away[near]
    edges = np.exp(-(((away - thickness) / 0.0035) ** 2))
    rib = np.zeros_like(distance)
    rib[near] = 0.55 * edges + 0.6 * _step(thickness - away, RIB_SOFTNESS)
    return rib


def _ribs(grid: _Grid, anatomy: _Anatomy) -> Field:
    """Return the ribs: behind, they arch outwards and down; in front, fainter, inwards and down."""
    wall = anatomy.lung_scale * np.interp(grid.y, *LUNG_LATERAL) + 0.03
    inside = _step(wall - grid.aside, 0.01)
    posterior = anterior = np.zeros((1, 1))
    for number in range(RIBS):
        top = anatomy.lung_top + 0.035 + 0.073 * number
        steepness = 0.55 + 0.05 * number
        behind = grid.y - top - steepness * np.clip(grid.aside - 0.25, -0.1, 1) ** 2
        in_front = grid.y - top - 0.11 - 0.42 * (0.70 - grid.aside)
        posterior = np.maximum(posterior, _rib(behind, 0.013))
        anterior = np.maximum(anterior, _rib(in_front, 0.014))
    costal = _step(grid.aside - 0.28, 0.03) * _step(anatomy.diaphragm - 0.04 - grid.y, 0.02)
    edge = np.exp(-(((grid.aside - wall) / 0.014) ** 2)) * _step(grid.y - 0.2, 0.03)
    return np.asarray(inside * (posterior + 0.45 * anterior * costal) + 0.7 * edge)


def _clavicles(grid: _Grid) -> Field:
    middle = 0.165 - 0.16 * (grid.aside - 0.08) + 0.012 * np.sin(9 * grid.aside)
    reach = _step(grid.aside - 0.09, 0.012) * _step(0.74 - grid.aside, 0.02)
    shoulder = 0.6 * _bump(grid.aside - 0.86, grid.y - 0.17, 0.10, 0.06)
    return reach * _rib(grid.y - middle, 0.016) + shoulder


def _patches(grid: _Grid, anatomy: _Anatomy, random: np.random.Generator) -> Field:
    """Return patchy opacities, mostly low and to the side."""
    patches = np.zeros((DRAWN_SIDE_PIXELS, DRAWN_SIDE_PIXELS))
    for _ in range(7):
        side = random.choice([-1.0, 1.0])
        x, y = side * random.uniform(0.28, 0.62), random.uniform(0.38, 0.76)
        size = random.uniform(0.07, 0.18)
        patches += random.uniform(0.5, 1.0) * _bump(grid.x - x, grid.y - y, size, 0.7 * size)
    cloudy = np.clip(1.0 + 0.30 * _noise(random, 32) + 0.14 * _noise(random, 10), 0.2, 2.0)
    return np.asarray(anatomy.opacity * np.clip(patches, 0.0, 1.3) * cloudy)


def _vessels(random: np.random.Generator) -> Field:
    """Return lines that leave the hila, wander outwards and thin out."""
    image = Image.new("F", (DRAWN_SIDE_PIXELS, DRAWN_SIDE_PIXELS))
    pen = ImageDraw.Draw(image)
    for number in range(56):
        sign = 1.0 if number % 2 else -1.0
        x, y = 0.5 + sign * 0.09, 0.46
        angle = random.uniform(-1.25, 1.35)
        for piece in range(22):
            angle += random.normal(0.0, 0.16)
            end = (x + sign * 0.014 * np.cos(angle), y + 0.018 * np.sin(angle))
            points = [DRAWN_SIDE_PIXELS * value for value in (x, y, *end)]
            pen.line(points, fill=1.0 - piece / 26, width=max(1, 6 - piece // 3))
            x, y = end
    return _soften(np.asarray(image, dtype=np.float64), 4)


def _side_marker() -> Field:
    """Return the letter L of lead that marks the patient's left."""
    image = Image.new("F", (DRAWN_SIDE_PIXELS, DRAWN_SIDE_PIXELS))
    pen = ImageDraw.Draw(image)
    pen.line([715, 40, 715, 72], fill=0.9, width=6)
    pen.line([712, 72, 735, 72], fill=0.9, width=6)
    return np.asarray(image, dtype=np.float64)


def _soften(field: Field, pixels: int) -> Field:
    """Blur by reducing `pixels` times and enlarging again."""
    image = Image.fromarray(field.astype(np.float32))
    reduced = image.reduce(pixels)
    return np.asarray(reduced.resize(image.size, Image.Resampling.BICUBIC), dtype=np.float64)


def _noise(random: np.random.Generator, grain_pixels: int) -> Field:
    """Return smooth noise of about unit variance."""
    count = DRAWN_SIDE_PIXELS // grain_pixels
    coarse = Image.fromarray(random.normal(0.0, 1.0, (count, count)).astype(np.float32))
    side = (DRAWN_SIDE_PIXELS, DRAWN_SIDE_PIXELS)
    return np.asarray(coarse.resize(side, Image.Resampling.BICUBIC), dtype=np.float64)
