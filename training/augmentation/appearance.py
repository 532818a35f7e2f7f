"""Random changes to how a radiograph looks, not to what it shows.

Hospitals differ in detector, processing, compression and markers; a network that can tell them by
these learns the hospital instead of the disease.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from screening.imaging.network_input.contrast import equalised

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppearanceAugmentation:
    """Sharpness, equalisation, gamma, shading, noise, compression and patches; an `Augment`.

    Every chance is that of one image, 0 to 1.
    """

    resize_chance: float = 0.4
    """To be reduced and enlarged again."""
    least_size: float = 0.4
    """Fraction of the size to which it is reduced at most."""
    sharpen_chance: float = 0.2
    equalise_chance: float = 0.3
    gamma: float = 0.6
    """Natural logarithm, drawn from - to +."""
    contrast: float = 0.4
    """Natural logarithm, drawn from - to +."""
    brightness: float = 0.15
    """Fraction of the grey range, drawn from - to +."""
    shading_chance: float = 0.4
    shading: float = 0.12
    """Standard deviation of a smooth field, fraction of the grey range."""
    noise: float = 0.05
    """Largest standard deviation, fraction of the grey range."""
    jpeg_chance: float = 0.4
    qualities: tuple[int, int] = (15, 80)
    """Of JPEG, 0 to 100, drawn between."""
    patches: int = 2
    """At most so many grey rectangles, sides a twentieth to a sixth of the shorter side."""

    def __call__(self, radiograph: Grey, random: np.random.Generator) -> Grey:
        """Return a changed copy; the same generator state gives the same copy."""
        chances = random.random(5)
        if chances[0] < self.resize_chance:
            radiograph = _reduced(radiograph, random.uniform(self.least_size, 1))
        if chances[1] < self.sharpen_chance:
            radiograph = _sharpened(radiograph, random)
        if chances[2] < self.equalise_chance:
            radiograph = equalised(radiograph)
        shaded = chances[3] < self.shading_chance
        radiograph = self._toned(radiograph, random, shading=self.shading if shaded else 0.0)
        if chances[4] < self.jpeg_chance:
            radiograph = _compressed(radiograph, int(random.integers(*self.qualities)))
        return _patched(radiograph, random, int(random.integers(0, self.patches + 1)))

    def _toned(self, radiograph: Grey, random: np.random.Generator, *, shading: float) -> Grey:
        """Return the image with another gamma, contrast, brightness, shading and noise."""
        grey = (radiograph.astype(np.float32) / 255) ** np.exp(
            random.uniform(-self.gamma, self.gamma)
        )
        grey = (grey - 0.5) * np.exp(random.uniform(-self.contrast, self.contrast)) + 0.5
        grey += random.uniform(-self.brightness, self.brightness)
        if shading:
            grey += _smooth_field(radiograph.shape, shading, random)
        grey += random.normal(0, random.uniform(0, self.noise), radiograph.shape)
        return np.asarray(np.rint(np.clip(grey, 0, 1) * 255), np.uint8)


def _reduced(radiograph: Grey, size: float) -> Grey:
    rows, columns = radiograph.shape
    small = (max(1, round(columns * size)), max(1, round(rows * size)))
    image = Image.fromarray(radiograph).resize(small, Image.Resampling.BILINEAR)
    return np.asarray(image.resize((columns, rows), Image.Resampling.BICUBIC))


def _sharpened(radiograph: Grey, random: np.random.Generator) -> Grey:
    mask = ImageFilter.UnsharpMask(random.uniform(1, 3), int(random.uniform(50, 200)), 0)
    return np.asarray(Image.fromarray(radiograph).filter(mask))


def _smooth_field(
    shape: tuple[int, ...], strength: float, random: np.random.Generator
) -> NDArray[np.float32]:
    rows, columns = shape
    coarse = Image.fromarray(random.normal(0, strength, (3, 3)).astype(np.float32))
    return np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC))


def _compressed(radiograph: Grey, quality: int) -> Grey:
    stream = io.BytesIO()
    Image.fromarray(radiograph).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _patched(radiograph: Grey, random: np.random.Generator, patches: int) -> Grey:
    """Cover small rectangles, as markers and devices do, so that none of them decides."""
    radiograph = radiograph.copy()
    rows, columns = radiograph.shape
    side = min(rows, columns)
    for _ in range(patches):
        height, width = random.integers(max(1, side // 20), max(2, side // 6), 2)
        top, left = random.integers(0, rows - height), random.integers(0, columns - width)
        radiograph[top : top + height, left : left + width] = random.integers(0, 256)
    return radiograph
