"""Draws what a heat-map Secondary Capture shows: the radiograph, once for each network."""

from dataclasses import dataclass
from io import BytesIO
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from screening.delivery.content import HeatMapPicture, ReportContent
from screening.domain.heat_map import ABOUT, HOTTEST, HeatMap
from screening.domain.scores import CLASS_OF_MEMBER_CLASS, CLASS_TITLES, Class, percent
from screening.errors import ReportNotPossibleError
from screening.imaging.pixels.overlay import overlay

FONT_PIXELS = 16
LINE_PIXELS = 22
MARGIN_PIXELS = 10
_LETTER_PIXELS = 8
"""About as wide is a letter of this font."""
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Panels:
    """The picture, and in words what it shows."""

    pixels: NDArray[np.uint8]
    """(rows, columns, 3) RGB."""
    says: str


def draw_panels(content: ReportContent, picture: HeatMapPicture) -> Panels:
    """Return the radiograph with the heat-map of each network side by side, captions below.

    Shown is the ensemble's most probable class, of each network the map of its own class that
    belongs to it. Raises ReportNotPossibleError where there are no maps.
    """
    klass = max(Class, key=content.scores.ensemble.of)
    maps = _maps(content, picture, klass)
    if not maps:
        raise ReportNotPossibleError("expected a heat-map of each network, found none")
    grey = np.asarray(Image.open(BytesIO(picture.radiograph_png)).convert("L"))
    coloured = np.concatenate([overlay(grey, _over_whole(one, grey.shape)) for one in maps], axis=1)
    names = " | ".join(f"{one.member}: {one.klass.replace('_', ' ')}" for one in maps)
    says = (
        f"Heat-maps (Grad-CAM), {names}. Ensemble: {CLASS_TITLES[klass]} "
        f"{percent(content.scores.ensemble.of(klass))}. Yellow: most, no colour: nothing."
    )
    untrained = "" if content.bundle.trained else "UNTRAINED networks: it means nothing. "
    caption = f"RESEARCH USE ONLY, not diagnostic. {untrained}{ABOUT}"
    return Panels(_captioned(coloured, (caption, says)), says)


def _maps(content: ReportContent, picture: HeatMapPicture, klass: Class) -> list[HeatMap]:
    """Return one map of each member, that of its most probable class which belongs to `klass`."""
    raw = {member.member: member.raw for member in content.scores.members}
    found: dict[str, HeatMap] = {}
    for one in picture.maps:
        if CLASS_OF_MEMBER_CLASS.get(one.klass) is not klass:
            continue
        scores = raw.get(one.member, {})
        best = found.get(one.member)
        if best is None or scores.get(one.klass, 0.0) > scores.get(best.klass, 0.0):
            found[one.member] = one
    return list(found.values())


def _over_whole(one: HeatMap, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a map of the whole image, 0 to 1: 0 around the part that the network was shown."""
    rows, columns = size
    left, top, right, bottom = one.box
    first_column, last_column = round(left * columns), round(right * columns)
    first_row, last_row = round(top * rows), round(bottom * rows)
    values = np.frombuffer(one.values, np.uint8).reshape(one.rows, one.columns) / HOTTEST
    stretched = Image.fromarray(values.astype(np.float32)).resize(
        (max(1, last_column - first_column), max(1, last_row - first_row)),
        Image.Resampling.BILINEAR,
    )
    whole = np.zeros((rows, columns), np.float32)
    whole[first_row:last_row, first_column:last_column] = np.asarray(stretched)[
        : last_row - first_row, : last_column - first_column
    ]
    return whole


def _captioned(pixels: NDArray[np.uint8], texts: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the picture with these texts on black below it."""
    rows, columns, _ = pixels.shape
    letters = max(20, (columns - 2 * MARGIN_PIXELS) // _LETTER_PIXELS)
    lines = [line for text in texts for line in wrap(text, letters)]
    height = rows + 2 * MARGIN_PIXELS + LINE_PIXELS * len(lines)
    whole = Image.new("RGB", (columns, height))
    whole.paste(Image.fromarray(pixels), (0, 0))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(FONT_PIXELS)
    for number, line in enumerate(lines):
        place = (MARGIN_PIXELS, rows + MARGIN_PIXELS + LINE_PIXELS * number)
        draw.text(place, line, fill=_WHITE, font=font)
    return np.asarray(whole)
