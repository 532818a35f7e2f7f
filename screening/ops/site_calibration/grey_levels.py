"""Draws a site's grey-level curve from the levels that are kept with its recent results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from screening.calibration.document import (
    CalibrationDocument,
    GreyLevels,
    OfBundle,
    Sample,
    SiteRule,
)
from screening.db.session import Database
from screening.db.standing_results import is_standing_score
from screening.db.tables.instances import Classification, Instance
from screening.domain.image_statistics import LEVEL_QUANTILES
from screening.errors import CalibrationError
from screening.imaging.network_input.grey_levels import grey_curve
from screening.ops.site_calibration.make import LEAST_IMAGES, Request

LEVELS_ALONE = (
    "grey levels alone: the thresholds are the bundle's own until `screening site calibrate` makes "
    "ranks of scores with these levels"
)
MOST_IMAGES = 500
"""The newest; a hundred tell a curve as well as all do."""


@dataclass(frozen=True, slots=True)
class ImageLevels:
    """The grey levels of one image as it came, before any curve."""

    study_instance_uid: str
    received_at: datetime
    quantiles: tuple[float, ...]


def image_levels(
    database: Database, bundle_id: int, since: datetime, calling_ae_title: str
) -> list[ImageLevels]:
    """Return the levels of images that have a score of this bundle, newest first.

    calling_ae_title: "" for every sender. Images that were scored before levels were kept are left
    out. Raises DatabaseUnavailableError.
    """
    result = Classification
    statement = (
        select(Instance.study_instance_uid, Instance.received_at, result.image_statistics)
        .join(result, result.instance_id == Instance.id)
        .where(
            is_standing_score(bundle_id),
            ~Instance.conflicting,
            Instance.received_at >= since,
        )
        .order_by(Instance.received_at.desc(), Instance.id.desc())
        .limit(MOST_IMAGES)
    )
    if calling_ae_title:
        statement = statement.where(Instance.calling_ae_title == calling_ae_title)
    with database.read() as session:
        return [
            ImageLevels(row.study_instance_uid, row.received_at, tuple(levels))
            for row in session.execute(statement)
            if (levels := (row.image_statistics or {}).get(LEVEL_QUANTILES))
        ]


def make_levels(
    request: Request, images: Sequence[ImageLevels], training_levels: Sequence[float]
) -> CalibrationDocument:
    """Return a calibration with a curve and the bundle's own thresholds: ranks are still to come.

    training_levels: of the bundle, by `screening.bundles.reference`. Raises CalibrationError where
    there are too few images, or the bundle does not tell its training's levels.
    """
    bundle = request.bundle
    if not training_levels:
        raise CalibrationError(
            f"expected the grey levels of the training of {bundle.name} {bundle.version} in "
            "reference.json beside its manifest, found none; use a bundle that has them, or have "
            "them measured with `screening train levels`. Nothing was applied"
        )
    if len(images) < LEAST_IMAGES:
        raise CalibrationError(
            f"expected at least {LEAST_IMAGES} images "
            f"{f'from {request.calling_ae_title}' if request.calling_ae_title else 'of this site'} "
            "with a current score of the active bundle and their grey levels, found "
            f"{len(images)}; wait for more, or choose an earlier --since. Nothing was applied"
        )
    times = [one.received_at for one in images]
    studies = len({one.study_instance_uid for one in images})
    days = max((max(times) - min(times)).total_seconds() / 86_400, 1.0)
    return CalibrationDocument(
        bundle=OfBundle(name=bundle.name, version=bundle.version, digest=bundle.digest),
        calling_ae_title=request.calling_ae_title,
        made_at=request.made_at,
        sample=Sample(
            images=len(images),
            studies=studies,
            received_from=min(times),
            received_to=max(times),
            studies_per_day=studies / days,
        ),
        grey_levels=GreyLevels(
            images=len(images),
            received_from=min(times),
            received_to=max(times),
            becomes=grey_curve([one.quantiles for one in images], training_levels).becomes,
        ),
        rules=tuple(
            SiteRule(priority=r.priority, klass=r.klass, at_least=r.at_least, measure=r.measure)
            for r in request.bundle_rules
        ),
        ranks={},
        warnings=(LEVELS_ALONE,),
    )
