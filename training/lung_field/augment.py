"""Random changes to an image and the mask of its lungs; and images that show no lungs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHARE_WITHOUT_LUNGS = 0.2
"""Of the training images: so that the network finds nothing in what is no upright chest."""

GreyImage = NDArray[np.uint8]


def training_pair(
    radiograph: GreyImage, mask: GreyImage, random: np.random.Generator
) -> tuple[GreyImage, GreyImage]:
    """Return a changed image and its mask; the same generator state gives the same.

    image, mask: (rows, columns) uint8. One image in five is made into one without lungs, and
    its mask is empty.
    """
    if random.random() < SHARE_WITHOUT_LUNGS:
        change = _WITHOUT_LUNGS[random.integers(len(_WITHOUT_LUNGS))]
        radiograph, mask = change(radiograph, random), np.zeros_like(mask)
    radiograph, mask = _moved(radiograph, mask, random)
    return _exposed(radiograph, random), mask


def _turned(radiograph: GreyImage, random: np.random.Generator) -> GreyImage:
    """Lay an image on its side or upside down, at its own size."""
    rows, columns = radiograph.shape
    turned = np.ascontiguousarray(np.rot90(radiograph, int(random.integers(1, 4))))
    return np.asarray(Image.fromarray(turned).resize((columns, rows), Image.Resampling.BILINEAR))


def _inverted(radiograph: GreyImage, _random: np.random.Generator) -> GreyImage:
    return 255 - radiograph


def _shuffled(radiograph: GreyImage, random: np.random.Generator) -> GreyImage:
    """Cut an image into 3 x 3 to 5 x 5 tiles and lay them anew: its texture without its form."""
    count = int(random.integers(3, 6))
    height, width = radiograph.shape[0] // count, radiograph.shape[1] // count
    corners = [(row * height, column * width) for row in range(count) for column in range(count)]
    shuffled = radiograph.copy()
    for (y, x), place in zip(corners, random.permutation(len(corners)), strict=True):
        from_y, from_x = corners[place]
        tile = radiograph[from_y : from_y + height, from_x : from_x + width]
        shuffled[y : y + height, x : x + width] = tile[:: random.choice((-1, 1))]
    return shuffled


def _noise(radiograph: GreyImage, random: np.random.Generator) -> GreyImage:
    """Return shades of any coarseness, from two blobs to grain, in place of an image."""
    rows, columns = radiograph.shape
    side = int(np.exp(random.uniform(np.log(2), np.log(columns))))
    shades = random.normal(128, 50, (side, side)).clip(0, 255).astype(np.uint8)
    stretched = Image.fromarray(shades).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(stretched)


_WITHOUT_LUNGS: tuple[Callable[[GreyImage, np.random.Generator], GreyImage], ...] = (
    _turned,
    _turned,
    _inverted,
    _shuffled,
    _noise,
)


def _moved(
    radiograph: GreyImage, mask: GreyImage, random: np.random.Generator
) -> tuple[GreyImage, GreyImage]:
    """Flip, turn by up to 15 degrees, zoom by up to 40 %, shear and shift both alike."""
    rows, columns = radiograph.shape
    if random.random() < 0.5:  # noqa: PLR2004  an even chance
        radiograph, mask = radiograph[:, ::-1], mask[:, ::-1]
    turn = np.deg2rad(random.uniform(-15, 15))
    zoom_x, zoom_y = np.exp(random.uniform(-0.35, 0.35, 2))
    shear = random.uniform(-0.12, 0.12)
    middle = np.array([columns, rows]) / 2
    matrix = np.array(
        [[np.cos(turn) * zoom_x, shear - np.sin(turn)], [np.sin(turn), np.cos(turn) * zoom_y]]
    )
    offset = middle * (1 + random.uniform(-0.24, 0.24, 2)) - matrix @ middle
    coefficients = np.column_stack([matrix, offset]).ravel().tolist()
    outside = int(random.choice((0, 0, 128, 255)))

    def transformed(image: GreyImage, fill: int) -> GreyImage:
        return np.asarray(
            Image.fromarray(np.ascontiguousarray(image)).transform(
                (columns, rows),
                Image.Transform.AFFINE,
                coefficients,
                Image.Resampling.BILINEAR,
                fillcolor=fill,
            )
        )

    return transformed(radiograph, outside), transformed(mask, 0)


def _exposed(radiograph: GreyImage, random: np.random.Generator) -> GreyImage:
    """Change gamma, contrast, brightness and grain; some get a shade or a patch over them."""
    grey = (radiograph / 255.0) ** np.exp(random.uniform(-0.7, 0.7))
    grey = (grey - 0.5) * np.exp(random.uniform(-0.5, 0.5)) + 0.5 + random.uniform(-0.2, 0.2)
    grey += random.normal(0, random.uniform(0, 0.06), grey.shape)
    if random.random() < 0.3:  # noqa: PLR2004  three in ten are lit unevenly
        light = Image.fromarray(random.normal(0, 0.3, (4, 4)).astype(np.float32))
        grey += np.asarray(light.resize(radiograph.shape[::-1], Image.Resampling.BICUBIC))
    if random.random() < 0.2:  # noqa: PLR2004  one in five has a label or a device on it
        _lay_patch(grey, random)
    return np.asarray(np.rint(255 * grey.clip(0, 1)), np.uint8)


def _lay_patch(grey: NDArray[np.float64], random: np.random.Generator) -> None:
    rows, columns = grey.shape
    height, width = random.integers((rows // 16, columns // 16), (rows // 4, columns // 4))
    y, x = random.integers((0, 0), (rows - height, columns - width))
    grey[y : y + height, x : x + width] = random.uniform(0, 1)
