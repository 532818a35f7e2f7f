"""What a bundle's manifest says about its scores: members, rules, limits, measured figures.

A manifest's `provenance` is free, and other programs may write it: what is not where this project's
training puts it is left out, and nothing of it can keep the page from being shown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from screening.db.calibrations import (
    CalibrationsInForce,
    KeptCalibration,
    calibrations_in_force,
)
from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.domain.lifecycle import BundleRole
from screening.domain.scores import CLASS_TITLES, Class

CLASS_FIGURES: Mapping[str, str] = {
    "sensitivity": "Found (sensitivity)",
    "specificity": "Others not called so (specificity)",
    "precision": "Right when called so (precision)",
    "roc_area": "Area under the ROC curve",
    "calibration_error": "Calibration error",
}
"""What the page shows of each class, by its key in the manifest."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, 0 to 1, and its 95 % interval, None where none was computed."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class HeldTo:
    """A target of the release. at_most: the figure must not exceed it."""

    figure: str
    limit: float
    at_most: bool
    measured: Measured
    reached: bool


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class on test images, in the order of CLASS_FIGURES; None where undefined."""

    title: str
    images: int
    figures: tuple[Measured | None, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the triage table; at_least: a probability, 0 to 1."""

    priority: str
    title: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Model:
    """One bundle, as its readers should know it.

    members: name and architecture of each network. held_to, classes: empty where the manifest
    tells no figures.
    """

    name: str
    version: str
    digest: str
    trained: bool
    active: bool
    members: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    limits: tuple[str, ...]
    held_to: tuple[HeldTo, ...]
    classes: tuple[ClassFigures, ...]
    calibrations: tuple[KeptCalibration, ...]
    """Those of this site that are in force while the bundle is active."""


def read_model(database: Database, digest: str | None = None) -> Model | None:
    """Return the bundle with this digest, the active one by default; None where there is none.

    Raises DatabaseUnavailableError where the database is away.
    """
    wanted = Bundle.role == BundleRole.ACTIVE if digest is None else Bundle.digest == digest
    with database.read() as session:
        row = session.scalar(select(Bundle).where(wanted))
        if row is None:
            return None
        return _model(row, calibrations_in_force(session, row.id))


def _model(row: Bundle, calibrations: CalibrationsInForce) -> Model:
    manifest = row.manifest
    metrics = _part(_part(manifest, "provenance"), "metrics")
    classes = _part(_part(_part(metrics, "ensemble"), "pooled"), "classes")
    return Model(
        name=row.name,
        version=row.version,
        digest=row.digest,
        trained=row.trained,
        active=row.role == BundleRole.ACTIVE,
        members=tuple(
            (str(each.get("name", "")), str(each.get("architecture", "")))
            for each in _parts(manifest, "members")
        ),
        rules=tuple(filter(None, map(_rule, _parts(manifest, "triage_rules")))),
        limits=tuple(text for text in _list(manifest, "limits_of_use") if isinstance(text, str)),
        held_to=tuple(filter(None, map(_held_to, _parts(metrics, "figures")))),
        classes=tuple(_class(klass, _part(classes, klass)) for klass in Class if klass in classes),
        calibrations=tuple(calibrations.by_calling_ae_title.values()),
    )


def _rule(values: Mapping[str, Any]) -> Rule | None:
    klass, at_least = values.get("class"), _number(values, "at_least")
    if klass not in set(Class) or at_least is None:
        return None
    return Rule(str(values.get("priority", "")), CLASS_TITLES[Class(klass)], at_least)


def _held_to(values: Mapping[str, Any]) -> HeldTo | None:
    measured, limit = _measured(_part(values, "measured")), _number(values, "limit")
    if measured is None or limit is None:
        return None
    return HeldTo(
        figure=str(values.get("figure", "")),
        limit=limit,
        at_most=values.get("at_most") is True,
        measured=measured,
        reached=values.get("reached") is True,
    )


def _class(klass: Class, values: Mapping[str, Any]) -> ClassFigures:
    return ClassFigures(
        title=CLASS_TITLES[klass],
        images=int(_number(values, "images") or 0),
        figures=tuple(_measured(_part(values, key)) for key in CLASS_FIGURES),
    )


def _measured(values: Mapping[str, Any]) -> Measured | None:
    value = _number(values, "value")
    if value is None:
        return None
    return Measured(value, _number(values, "low"), _number(values, "high"))


def _part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _list(values: Mapping[str, Any], key: str) -> Sequence[Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _parts(values: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    return [each for each in _list(values, key) if isinstance(each, dict)]


def _number(values: Mapping[str, Any], key: str) -> float | None:
    found = values.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) else None
