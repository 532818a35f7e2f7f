"""Images that must not be scored: known ones turned or inverted, and drawn ones.

All are (rows, columns) uint8, 0 = black, and the same for the same seed.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]

SIDE_PIXELS = 256
"""Of drawn images."""
DISCS = 300
SMALLEST_DISC = 0.02
"""Radius as a fraction of the side; the largest is half the side."""


def _turned(quarters: int) -> Callable[[GreyImage], GreyImage]:
    return lambda image: np.ascontiguousarray(np.rot90(image, quarters))


CHANGES: Mapping[str, Callable[[GreyImage], GreyImage]] = {
    "rotated by 90°": _turned(1),
    "rotated by 180°": _turned(2),
    "rotated by 270°": _turned(3),
    "inverted": lambda image: 255 - image,
}
"""What may happen to a radiograph on its way, by name."""


def noise(seed: int) -> GreyImage:
    """Return grey levels without any order."""
    random = np.random.default_rng(seed)
    drawn: GreyImage = random.integers(0, 256, (SIDE_PIXELS, SIDE_PIXELS), dtype=np.uint8)
    return drawn


def clouds(seed: int) -> GreyImage:
    """Return smooth noise whose amplitude falls with spatial frequency, as that of photographs.

    Source: Field 1987, JOSA A 4:2379, figure 6.
    """
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(*[np.fft.fftfreq(SIDE_PIXELS)] * 2)
    frequency = np.hypot(across, down)
    frequency[0, 0] = 1.0
    white = np.fft.fft2(random.normal(size=frequency.shape))
    smooth = np.fft.ifft2(white / frequency ** random.uniform(1.0, 2.0)).real
    return _grey_levels(128 + 50 * (smooth - smooth.mean()) / smooth.std())


def discs(seed: int) -> GreyImage:
    """Return objects of all sizes that hide each other, as in photographs.

    Source: Lee, Mumford and Huang 2001, International Journal of Computer Vision 41:35 (dead
    leaves).
    """
    random = np.random.default_rng(seed)
    down, across = np.mgrid[:SIDE_PIXELS, :SIDE_PIXELS] / SIDE_PIXELS
    image = np.full(down.shape, 128.0)
    shade = random.normal(0, 40, 2)
    for _ in range(DISCS):
        radius = min(SMALLEST_DISC / np.sqrt(random.uniform(0.002, 1)), 0.5)
        x, y = random.uniform(0, 1, 2)
        inside = (across - x) ** 2 + (down - y) ** 2 < radius**2
        image[inside] = random.uniform(0, 255)
    lit = image + shade[0] * across + shade[1] * down + random.normal(0, 5, down.shape)
    return _grey_levels(lit)


def blank(seed: int) -> GreyImage:
    """Return one grey level, or a shade that runs from side to side."""
    random = np.random.default_rng(seed)
    level, slope = random.uniform(30, 220), random.uniform(0, 60) * (seed % 2)
    row = level + slope * np.linspace(-0.5, 0.5, SIDE_PIXELS)
    return _grey_levels(np.tile(row, (SIDE_PIXELS, 1)))


DRAWN: Mapping[str, Callable[[int], GreyImage]] = {
    "noise": noise,
    "blank": blank,
    "clouds": clouds,
    "like photographs": discs,
}
"""By name."""
TEACHING = ("noise", "clouds")
"""The drawn ones that a outlier check learns from; the others it must refuse unseen."""


def _grey_levels(values: NDArray[np.float64]) -> GreyImage:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
