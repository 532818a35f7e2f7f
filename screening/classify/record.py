"""Write what became of a claimed batch, in one transaction, where the claim still holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from screening.classify.claim import Claim, give_back, still_held
from screening.classify.compare import Compared
from screening.classify.renewal import answers_to_renew, keep_as_it_was
from screening.classify.verdict import give_verdict
from screening.db.calibrations import CalibrationsInForce, calibrations_in_force, give_priority
from screening.db.clock import shared_now, utc_now
from screening.db.events import add_instance_event
from screening.db.heat_maps import ask, forget
from screening.db.session import Database
from screening.db.standing_results import report_again, settle
from screening.db.states import change_state
from screening.db.tables.decisions import Correction
from screening.db.tables.instances import Classification, Instance
from screening.domain.backoff import Backoff
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import FAILURE_POLICIES, MAX_ATTEMPTS
from screening.domain.grey_curve import sha256_of
from screening.domain.image_statistics import ImageStatistics
from screening.domain.lifecycle import ClassificationState, Lane
from screening.domain.scores import EnsembleScores
from screening.domain.triage import Triage
from screening.ensemble.examination import Failed
from screening.logs import get_logger
from screening.work.queues import CLASSIFICATIONS

MAX_DETAIL_CHARACTERS = 255
log = get_logger()


@dataclass(frozen=True, slots=True)
class Scored:
    """One instance's scores, its priority, and how they came about."""

    scores: EnsembleScores
    triage: Triage
    """By the bundle's thresholds, where the site has no calibration of its own."""
    pixel_sha256: str
    render_path: dict[str, Any]
    timings_s: dict[str, float]
    image_statistics: ImageStatistics | None = None
    """By which drift is told; None where the ensemble gave none."""
    grey_curve_sha256: str | None = None
    """Of the site's grey-level curve that they were made with; None: of none."""


Result = Scored | Refusal | Compared | Failed


def record(
    database: Database,
    held: Claim,
    results: Mapping[int, Result],
    backoff: Backoff,
    *,
    with_heat_maps: bool = False,
) -> None:
    """Bring each row of the claim to its state; results by classification id.

    with_heat_maps: those of each score become due, once the images that wait leave time for them.
    Rows whose lease was lost meanwhile are left alone: somebody else has them.
    Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        rows = still_held(session, held)
        lanes = {row.instance_id: Lane(row.lane) for row in rows.values()}
        answered = answers_to_renew(session, list(rows.values()), held.bundle_id)
        in_force = _calibrations(session, held, results)
        for classification_id, result in results.items():
            row = rows.get(classification_id)
            if row is None:
                log.warning("lease_lost", classification_id=classification_id)
                continue
            writing = _Writing(session, row, held.worker, backoff, in_force, with_heat_maps)
            if (answer := answered.get(classification_id)) is not None:
                _renew(writing, answer, result)
            else:
                _WRITERS[type(result)](writing, result)
        for instance_id in sorted(lanes):
            settle(session, instance_id, lane=lanes[instance_id])


@dataclass(frozen=True, slots=True)
class _Writing:
    """One row of the claim, in the transaction that writes its result."""

    session: Session
    row: Classification
    worker: str
    backoff: Backoff
    in_force: CalibrationsInForce
    with_heat_maps: bool


def _calibrations(
    session: Session, held: Claim, results: Mapping[int, Result]
) -> CalibrationsInForce:
    """Return the site's calibrations of the claim's bundle, which stay until the rows are written.

    None where nothing was scored.
    """
    scored = any(isinstance(one, Scored) for one in results.values())
    return calibrations_in_force(session, held.bundle_id if scored else None, locked=True)


def _write_scored(writing: _Writing, result: Scored) -> None:
    if _give_back_other_levels(writing, result):
        return
    by = _write_scores(writing, writing.row, result)
    _finish(
        writing,
        ClassificationState.CLASSIFIED,
        "instance_classified",
        priority=writing.row.priority,
        **by,
    )
    if writing.with_heat_maps:
        ask(writing.session, writing.row, lane=Lane.BACKFILL)


def _give_back_other_levels(writing: _Writing, result: Scored) -> bool:
    """Have an image scored again whose curve is not in force any more; return whether it is so."""
    row = writing.row
    curve = writing.in_force.grey_curve_of(row.instance.calling_ae_title)
    if result.grey_curve_sha256 == sha256_of(curve):
        return False
    row.attempts -= 1
    give_back(row, not_before=shared_now(writing.session))
    _event(writing, "grey_levels_changed")
    return True


def _write_scores(writing: _Writing, row: Classification, result: Scored) -> dict[str, str]:
    """Write scores and priority; return by what of the site's own, as an event tells it."""
    ensemble = result.scores.ensemble
    row.covid19, row.pneumonia, row.normal = ensemble.covid19, ensemble.pneumonia, ensemble.normal
    row.member_scores = {
        member.member: {"raw": dict(member.raw), "calibrated": member.calibrated.as_dict()}
        for member in result.scores.members
    }
    row.grey_curve_sha256 = result.grey_curve_sha256
    calibration = writing.in_force.of(row.instance.calling_ae_title)
    give_priority(row, calibration, result.triage)
    row.pixel_sha256 = result.pixel_sha256
    row.render_path, row.timings = result.render_path, dict(result.timings_s)
    row.image_statistics = (
        result.image_statistics.as_dict() if result.image_statistics is not None else None
    )
    row.reason = row.detail = None
    curve = result.grey_curve_sha256
    return {
        **({"calibration": calibration.name} if calibration else {}),
        **({"grey_curve": curve[:12]} if curve else {}),
    }


def _renew(writing: _Writing, answer: Classification, result: Result) -> None:
    """Write what was found into the result that is there, where it is a score; else leave it."""
    session, row = writing.session, writing.row
    if not isinstance(result, Scored):
        if isinstance(result, Failed) and _may_be_tried_again(row, result):
            _try_again(writing, result)
        else:
            keep_as_it_was(session, row, getattr(result, "reason", ""))
        return
    if _give_back_other_levels(writing, result):
        return
    before = {
        "instead_of": answer.priority,
        "scores_before": [answer.covid19, answer.pneumonia, answer.normal],
    }
    by = _write_scores(writing, answer, result)
    answer.finished_at = shared_now(session)
    _event(writing, "result_renewed", priority=answer.priority, **before, **by)
    session.delete(row)
    forget(session, answer)
    if writing.with_heat_maps:
        ask(session, answer, lane=Lane.BACKFILL)
    if answer.stands_since is not None:
        report_again(session, answer)


def _write_not_applicable(writing: _Writing, result: Refusal) -> None:
    row = writing.row
    row.reason, row.detail = result.reason, result.found[:MAX_DETAIL_CHARACTERS]
    _finish(
        writing,
        ClassificationState.NOT_APPLICABLE,
        "instance_not_applicable",
        reason=row.reason,
    )


def _write_failed(writing: _Writing, result: Failed) -> None:
    row = writing.row
    if _may_be_tried_again(row, result):
        _try_again(writing, result)
        return
    row.reason, row.detail = result.reason, result.detail[:MAX_DETAIL_CHARACTERS]
    if row.instance.conflicting:
        give_verdict(writing.session, row, Reason.CONFLICTING_INSTANCE, result.detail)
        return
    _finish(writing, ClassificationState.FAILED, "classification_failed", reason=row.reason)


def _may_be_tried_again(row: Classification, result: Failed) -> bool:
    return FAILURE_POLICIES[result.reason].retry and row.attempts < MAX_ATTEMPTS


def _try_again(writing: _Writing, result: Failed) -> None:
    row = writing.row
    row.reason, row.detail = result.reason, result.detail[:MAX_DETAIL_CHARACTERS]
    wait_s = writing.backoff.wait_s(row.attempts)
    give_back(row, not_before=shared_now(writing.session) + timedelta(seconds=wait_s))
    _event(writing, "classification_retried", reason=row.reason)


def _write_compared(writing: _Writing, result: Compared) -> None:
    session, row = writing.session, writing.row
    standing = session.get_one(Instance, result.standing_instance_id, with_for_update=True)
    if standing.conflicting:  # a correction of it was accepted meanwhile: compare with that
        row.attempts -= 1
        give_back(row, not_before=shared_now(session))
        return
    if result.corrected is not None and result.stands is not None:
        standing.identification = dict(result.stands)
        row.instance.identification = dict(result.corrected)
    give_verdict(session, row, result.reason, result.found)
    if result.reason is Reason.CORRECTION_WAITING:
        attributes = list(result.attributes)
        session.add(
            Correction(instance_id=row.instance_id, attributes=attributes, found_at=utc_now())
        )
        add_instance_event(session, row.instance, "correction_found", attributes=attributes)


_WRITERS: Mapping[type, Any] = {
    Scored: _write_scored,
    Refusal: _write_not_applicable,
    Compared: _write_compared,
    Failed: _write_failed,
}


def _finish(writing: _Writing, state: ClassificationState, kind: str, **detail: object) -> None:
    row = writing.row
    change_state(row, state)
    row.finished_at = shared_now(writing.session)
    CLASSIFICATIONS.release(row)
    _event(writing, kind, **detail)


def _event(writing: _Writing, kind: str, **detail: object) -> None:
    instance, bundle = writing.row.instance, writing.row.bundle
    if bundle is not None:
        detail["bundle"] = f"{bundle.name} {bundle.version}"
    add_instance_event(writing.session, instance, kind, worker=writing.worker, **detail)
