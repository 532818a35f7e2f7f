"""Brings the priorities of images that are there to the calibrations in force, without scoring.

Current results alone: what is history keeps the priority and the calibration that it was given, and
so does what was scored with another grey-level curve than the one in force.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from screening.bundles.manifest import Manifest
from screening.db.bundle_rows import ActiveBundle
from screening.db.calibrations import CalibrationsInForce, calibrations_in_force, give_priority
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.standing_results import is_standing_score, report_again
from screening.db.tables.instances import Bundle, Classification, Instance
from screening.domain.scores import ClassScores
from screening.domain.triage import TriageRule, triage

RESULTS_A_TRANSACTION = 100


@dataclass(frozen=True, slots=True)
class DerivedAgain:
    """How many results have another calibration now, and how many of them another priority."""

    results: int
    changed: int


def rules_of(session: Session, bundle_id: int) -> tuple[TriageRule, ...]:
    """Return the thresholds in a bundle's manifest."""
    manifest = session.get_one(Bundle, bundle_id).manifest
    return Manifest.model_validate_json(json.dumps(manifest)).rules


def derive_again(database: Database, bundle: ActiveBundle, since: datetime) -> DerivedAgain:
    """Give what was received since then its priority by the calibrations in force.

    A priority that changes is reported again. Works in small transactions: interrupted, the next
    call goes on. Raises DatabaseUnavailableError.
    """
    results = changed = 0
    while True:
        with database.write() as session:
            some = _derive_some(session, bundle, since)
        results, changed = results + some.results, changed + some.changed
        if some.results < RESULTS_A_TRANSACTION:
            return DerivedAgain(results, changed)


def count_of_other_levels(database: Database, bundle: ActiveBundle, since: datetime) -> int:
    """Return how many of them keep their priority: they were scored with another grey-level curve.

    `screening reprocess` has them scored again with that in force.
    """
    with database.read() as session:
        in_force = calibrations_in_force(session, bundle.id)
        counted = select(func.count()).select_from(Classification).join(Instance)
        other = Classification.grey_curve_sha256.is_distinct_from(in_force.grey_curve_by_sender)
        return session.execute(counted.where(*_current(bundle.id, since), other)).scalar_one()


def count_to_derive(database: Database, bundle: ActiveBundle, since: datetime) -> int:
    """Return how many current results received since then are scores of the active bundle."""
    with database.read() as session:
        counted = select(func.count()).select_from(Classification).join(Instance)
        return session.execute(counted.where(*_current(bundle.id, since))).scalar_one()


def _current(bundle_id: int, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Instance.received_at >= since, is_standing_score(bundle_id))


def _derive_some(session: Session, bundle: ActiveBundle, since: datetime) -> DerivedAgain:
    in_force = calibrations_in_force(session, bundle.id, locked=True)
    rules = rules_of(session, bundle.id)
    rows = session.scalars(
        select(Classification)
        .join(Instance)
        .where(
            *_current(bundle.id, since),
            Classification.calibration_id.is_distinct_from(in_force.id_by_sender),
            Classification.grey_curve_sha256.is_not_distinct_from(in_force.grey_curve_by_sender),
        )
        .order_by(Classification.id)
        .limit(RESULTS_A_TRANSACTION)
        .with_for_update(of=Classification)
    ).all()
    changed = sum(_derive(session, row, in_force, rules) for row in rows)
    return DerivedAgain(len(rows), changed)


def _derive(
    session: Session,
    row: Classification,
    in_force: CalibrationsInForce,
    rules: tuple[TriageRule, ...],
) -> bool:
    before = row.priority
    calibration = in_force.of(row.instance.calling_ae_title)
    scores = ClassScores(row.covid19 or 0.0, row.pneumonia or 0.0, row.normal or 0.0)
    give_priority(row, calibration, triage(scores, rules))
    if row.priority == before:
        return False
    add_instance_event(
        session,
        row.instance,
        "priority_derived_again",
        priority=row.priority,
        instead_of=before,
        **({"calibration": calibration.name} if calibration else {}),
    )
    report_again(session, row)
    return True
