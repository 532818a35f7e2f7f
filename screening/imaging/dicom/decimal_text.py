"""Numbers of VR DS as devices write them."""

import math
import re
from dataclasses import dataclass

from pydicom.multival import MultiValue

_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")
_PADDING = " \0\t\r\n"


@dataclass(frozen=True, slots=True)
class Decimals:
    """An attribute's values: None for one that is no finite number.

    is_absent: the attribute is absent or empty; has_comma: a decimal comma was read as a point.
    """

    numbers: tuple[float | None, ...] = ()
    has_comma: bool = False

    @property
    def is_absent(self) -> bool:
        """Whether there is no value at all."""
        return not self.numbers

    @property
    def first(self) -> float | None:
        """The first value, if it is a number."""
        return self.numbers[0] if self.numbers else None


def decimals(value: object) -> Decimals:
    """Read what a data set holds for an attribute of VR DS: text, numbers, several or none.

    Blanks and NULs around a number, a sign, an exponent and a decimal comma are understood.
    Source: PS3.5 section 6.2 (DS), which knows the point only.
    """
    several = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    texts = [str(one).strip(_PADDING) for one in several]
    if value is None or not any(texts):
        return Decimals()
    return Decimals(tuple(map(_number, texts)), any("," in text for text in texts))


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text.replace(",", "."))
    return number if math.isfinite(number) else None
