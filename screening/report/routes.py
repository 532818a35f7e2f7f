"""What the rules of the settings look at, read from the rows of a result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from screening.db.session import Database
from screening.db.tables.calibrations import SiteCalibrationRow
from screening.db.tables.instances import Bundle, Classification, Delivery, Instance, Report
from screening.delivery.routing import ResultFacts, ResultState, known_modality
from screening.domain.lifecycle import BundleRole, ClassificationState, DeliveryState

_image, _result, _report = aliased(Instance), aliased(Classification), aliased(Report)
_IS_EARLIER = and_(
    _report.classification_id == _result.id,
    _result.instance_id == _image.id,
    _image.sop_instance_uid == Instance.sop_instance_uid,
    or_(_result.id != Classification.id, _report.revision < Classification.report_revision),
)
"""Reports that were made before on the same SOP instance, whatever they were made of."""
FACTS = (
    Instance.calling_ae_title,
    Instance.modality,
    Classification.priority,
    Bundle.name.label("bundle_name"),
    Bundle.version.label("bundle_version"),
    Bundle.trained.label("bundle_trained"),
    exists()
    .where(
        SiteCalibrationRow.id == Classification.calibration_id, SiteCalibrationRow.has_thresholds
    )
    .label("is_calibrated"),
    exists().where(_IS_EARLIER).label("again"),
)
"""Columns of a statement on results with their instances and bundles."""


@dataclass(frozen=True, slots=True)
class RoutedResult:
    """The current result on one image, and what rules look at."""

    sop_instance_uid: str
    facts: ResultFacts
    holders: frozenset[str]
    """Destinations that an earlier report on the image was meant for."""


def facts_in(row: Row[Any]) -> ResultFacts:
    """Return the facts that a row with the columns `FACTS` holds."""
    return ResultFacts(
        calling_ae_title=row.calling_ae_title,
        modality=known_modality(row.modality),
        priority=row.priority,
        bundle=f"{row.bundle_name}@{row.bundle_version}",
        trained=str(row.bundle_trained).lower(),
        calibrated=str(bool(row.is_calibrated)).lower(),
        state=ResultState.AGAIN if row.again else ResultState.FIRST,
    )


def routed_result(session: Session, classification_id: int) -> RoutedResult:
    """Return what rules look at of one result with a score."""
    row = session.execute(_results().where(Classification.id == classification_id)).one()
    return _routed(session, row)


def current_results(database: Database, uid: str) -> list[RoutedResult]:
    """Return the current results of a study or an image that are scores, oldest first.

    uid: a Study or SOP Instance UID. Raises DatabaseUnavailableError.
    """
    named = or_(Instance.study_instance_uid == uid, Instance.sop_instance_uid == uid)
    statement = (
        _results()
        .where(named, Classification.stands_since.is_not(None))
        .where(Classification.state == ClassificationState.CLASSIFIED)
        .order_by(Classification.id)
    )
    with database.read() as session:
        return [_routed(session, row) for row in session.execute(statement).all()]


def active_bundle_facts(database: Database) -> ResultFacts:
    """Return what is known of a result that the active bundle will give: all but the priority.

    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        active = session.scalar(select(Bundle).where(Bundle.role == BundleRole.ACTIVE))
        if active is None:
            return ResultFacts()
        identity = f"{active.name}@{active.version}"
        return ResultFacts(bundle=identity, trained=str(active.trained).lower())


def was_meant_for(destination: str) -> Any:
    """Return the condition that an earlier report on a result's image was meant for it."""
    sent = aliased(Delivery)
    return exists().where(
        _IS_EARLIER,
        sent.report_id == _report.id,
        sent.destination == destination,
        sent.state != DeliveryState.GIVEN_UP,
    )


def _results() -> Select[*tuple[Any, ...]]:
    return (
        select(Classification.id, Instance.sop_instance_uid, *FACTS)
        .join(Instance, Instance.id == Classification.instance_id)
        .join(Bundle, Bundle.id == Classification.bundle_id)
    )


def _routed(session: Session, row: Row[Any]) -> RoutedResult:
    holders: Sequence[str] = ()
    if row.again:
        holders = session.scalars(
            select(func.distinct(Delivery.destination))
            .join(_report, Delivery.report_id == _report.id)
            .join(_result, _report.classification_id == _result.id)
            .join(_image, _result.instance_id == _image.id)
            .join(Instance, Instance.sop_instance_uid == _image.sop_instance_uid)
            .join(Classification, Classification.instance_id == Instance.id)
            .where(Classification.id == row.id, _IS_EARLIER)
            .where(Delivery.state != DeliveryState.GIVEN_UP)
        ).all()
    return RoutedResult(row.sop_instance_uid, facts_in(row), frozenset(holders))
