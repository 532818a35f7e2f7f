"""Heat-maps of a result, and what a picture of them is made of."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from PIL import Image

from screening.delivery.content import HeatMapPicture, ReportContent
from screening.domain.heat_map import HeatMap
from tests.reports.samples import content

BOX = (0.25, 0.25, 0.75, 0.75)
HOT_AT_UPPER_LEFT = b"\xff\x00\x00\x00"


def heat_map(member: str, klass: str = "covid19") -> HeatMap:
    """Return a map of the middle of an image, hot at its upper left."""
    return HeatMap(member, klass, 2, 2, HOT_AT_UPPER_LEFT, BOX, (2, 2))


MAPS = tuple(heat_map(member) for member in ("concatenated", "coronet"))


def content_with_heat_maps(*, trained: bool = True) -> ReportContent:
    """Return a report's content with the maps of both members, over a grey radiograph."""
    file = BytesIO()
    Image.fromarray(np.full((301, 240), 100, np.uint8)).save(file, "PNG")
    return replace(content(trained=trained), heat_maps=HeatMapPicture(MAPS, file.getvalue()))
