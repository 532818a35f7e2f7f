"""A heat-map of one network for one class, as it is kept beside a result."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from screening.domain.failures import FAILURE_POLICIES, FailureReason

ABOUT = (
    "It shows which regions the network's score for this class depends on most. "
    "It is no finding and no outline of disease."
)
"""What stands wherever a heat-map is shown."""
HOTTEST = 255


class HeatMapsWanted(StrEnum):
    """When heat-maps are computed: the setting `heat_maps`."""

    OFF = "off"
    ON_REQUEST = "on-request"
    AT_CLASSIFICATION = "at-classification"


class NoHeatMap(StrEnum):
    """Why there is no heat-map, beside the reasons for which a classification fails."""

    OTHER_BUNDLE = "other_bundle"
    IMAGE_REMOVED = "image_removed"
    NO_FEATURE_MAP = "no_feature_map"
    NO_GRADIENTS = "no_gradients"
    NOT_SCREENED = "not_screened"


_WHY: Mapping[NoHeatMap, str] = {
    NoHeatMap.OTHER_BUNDLE: (
        "the bundle of this result is not the active one any more, and only the active one is "
        "loaded; have the image scored again, then ask again"
    ),
    NoHeatMap.IMAGE_REMOVED: "the image has left the spool",
    NoHeatMap.NO_FEATURE_MAP: "a network of this bundle has no feature map to take it from",
    NoHeatMap.NO_GRADIENTS: (
        "heat-maps need gradients, which the classify worker's runtime does not give; with "
        "SCREENING_RUNTIME=tensorflow it does"
    ),
    NoHeatMap.NOT_SCREENED: "the image would not be screened now",
}


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where in an image a network finds what speaks for a class."""

    member: str
    """Of the bundle."""
    klass: str
    """Of the member's own classes, such as bacterial_pneumonia."""
    rows: int
    """At most 32, as the columns."""
    columns: int
    values: bytes
    """Row by row, 0 to 255: 255 where most speaks for the class, 0 where nothing does. All are 0
    where nothing does anywhere."""
    box: tuple[float, float, float, float]
    """Which part of the image the map covers: left and right as fractions of its width, top and
    bottom of its height, in the order left, top, right, bottom."""
    cells: tuple[int, int]
    """Rows and columns of the feature map: how fine the map can be at most."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the image speaks for the class."""
        return not any(self.values)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; values in base64."""
        return {
            "member": self.member,
            "class": self.klass,
            "rows": self.rows,
            "columns": self.columns,
            "values": base64.b64encode(self.values).decode("ascii"),
            "box": list(self.box),
            "cells": list(self.cells),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "HeatMap":
        """Return what `as_dict` was made of."""
        left, top, right, bottom = found["box"]
        rows, columns = found["cells"]
        return cls(
            member=found["member"],
            klass=found["class"],
            rows=found["rows"],
            columns=found["columns"],
            values=base64.b64decode(found["values"]),
            box=(left, top, right, bottom),
            cells=(rows, columns),
        )


def no_heat_map_in_words(reason: str | None) -> str:
    """Return why there is no heat-map, in words; "" where there is no reason."""
    if not reason:
        return ""
    if reason in set(NoHeatMap):
        return _WHY[NoHeatMap(reason)]
    if reason in set(FailureReason):
        return FAILURE_POLICIES[FailureReason(reason)].meaning
    return reason.replace("_", " ")
