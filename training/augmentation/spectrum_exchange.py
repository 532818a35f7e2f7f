"""Gives an image the sharpness and grain of another one, from any source.

How strongly a radiograph holds fine detail depends on detector, processing, reduction and
compression, so it identifies the hospital; after an exchange it says nothing about the class.
Source: Yang and Soatto 2020, FDA: Fourier Domain Adaptation for Semantic Segmentation, section 3.1
(amplitudes exchanged, phases kept), here for amplitudes averaged over all directions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BANDS = 25
"""From the mean grey level to the finest detail, and what the corners hold beyond."""
_LEAST_AMPLITUDE = 1e-3
_MOST_GAIN = 5.0


@dataclass(frozen=True, slots=True)
class SpectrumExchange:
    """An `Augment`. profiles: (images, BANDS) from `radial_profiles`; chance: of each image.

    The gain of each band is at most 5 and at least a fifth, raised to a power drawn between a half
    and 1, so that images lie between the two as well.
    """

    profiles: NDArray[np.float32]
    chance: float

    def __call__(self, image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy; the same generator state gives the same copy."""
        if random.random() >= self.chance:
            return image
        wanted = self.profiles[random.integers(len(self.profiles))]
        ratio = np.clip(wanted / _profile(image), 1 / _MOST_GAIN, _MOST_GAIN)
        places = np.arange(BANDS) + 0.5
        gain = np.interp(_bands(image.shape), places, ratio ** random.uniform(0.5, 1.0))
        mean = image.mean()
        changed = np.fft.ifft2(np.fft.fft2(image - mean) * gain).real + mean
        return np.asarray(np.rint(np.clip(changed, 0, 255)), np.uint8)


def radial_profiles(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strong each band of spatial frequency is, averaged over directions.

    images: (images, rows, columns). Returns (images, BANDS), positive.
    """
    return np.stack([_profile(image) for image in images])


def _profile(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    bands = np.minimum(_bands(image.shape), BANDS - 1).astype(np.intp).ravel()
    amplitude = np.abs(np.fft.fft2(image - image.mean())).ravel()
    sums = np.bincount(bands, amplitude, minlength=BANDS)
    counts = np.bincount(bands, minlength=BANDS)
    return (sums / np.maximum(counts, 1) + _LEAST_AMPLITUDE).astype(np.float32)


def _bands(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the band of each frequency, (rows, columns): 0 for none, BANDS - 1 from Nyquist on."""
    rows, columns = shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, np.newaxis], np.fft.fftfreq(columns))
    bands: NDArray[np.float64] = np.minimum(frequency * 2, 1) * (BANDS - 1)
    return bands
