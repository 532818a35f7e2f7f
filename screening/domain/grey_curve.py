"""What each grey level of a hospital's images becomes before networks see them."""

import hashlib
from dataclasses import dataclass

GREY_LEVELS = 256


@dataclass(frozen=True, slots=True)
class GreyCurve:
    """One curve for every image of a hospital: `screening.imaging.network_input.grey_levels`."""

    becomes: tuple[int, ...]
    """Of each level from 0, black, to 255, white: the level that it becomes; it never falls."""

    @property
    def sha256(self) -> str:
        """By which scores say that they were made with it, 64 hexadecimal digits."""
        return hashlib.sha256(bytes(self.becomes)).hexdigest()

    def __str__(self) -> str:
        return ", ".join(f"{level} to {self.becomes[level]}" for level in LEVELS_TOLD)


LEVELS_TOLD = (32, 64, 96, 128, 160, 192, 224)
"""Which people see of a curve."""


def sha256_of(curve: GreyCurve | None) -> str | None:
    """Return the digest of a curve, None for images as they are rendered."""
    return None if curve is None else curve.sha256
