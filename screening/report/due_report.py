"""What the reports of one result need, read from its rows and from its image."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pydicom.dataset import Dataset
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from screening.bundles.manifest import Manifest, Member
from screening.calibration.document import levels_in_words
from screening.db.calibrations import calibration_of
from screening.db.heat_maps import heat_maps_of
from screening.db.tables.instances import Bundle, Classification, Instance, Report
from screening.delivery.content import (
    BundleIdentity,
    CalibrationIdentity,
    HeatMapPicture,
    MemberIdentity,
    ReportContent,
    ReportReference,
)
from screening.delivery.rendering import RENDERINGS
from screening.domain.heat_map import HeatMap
from screening.domain.scores import ClassScores, EnsembleScores, MemberScores
from screening.domain.triage import Priority, Triage
from screening.errors import ReportNotPossibleError
from screening.imaging.rendering.reduced import reduced_radiograph
from screening.renderings.structured_report.source import read_source
from screening.report.series import series_started_at
from screening.spool.store import Spool


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The report that stood before."""

    report_id: int
    reference: ReportReference


@dataclass(frozen=True, slots=True)
class DueReport:
    """What the reports of one result need, detached from the session."""

    sha256: str
    """Of the image's data set."""
    content: ReportContent
    predecessors: Mapping[str, Predecessor]
    """By rendering."""
    companions: tuple[ReportReference, ...]
    """Structured reports that were made of this very result before."""
    earlier: Callable[[], Dataset] | None
    """Reads the header in an earlier report, where retention has removed the image."""
    maps: tuple[HeatMap, ...] = ()
    """Heat-maps of the result, where they are computed."""


def detach(session: Session, row: Classification) -> DueReport:
    """Return what the reports of this result need.

    Raises ReportNotPossibleError where it is no score.
    """
    if row.bundle is None or row.finished_at is None or row.priority is None:
        raise ReportNotPossibleError("expected a classified row, found one without a result")
    predecessors = newest_reports(session, row)
    return DueReport(
        sha256=row.instance.sha256,
        content=ReportContent(
            scores=_scores(row),
            triage=triage_of(row),
            calibration=_calibration(session, row),
            bundle=_identity(row.bundle),
            classified_at=row.finished_at,
            series_started_at=series_started_at(session, row),
            issued_at=row.stands_since if predecessors or row.report_revision else None,
            revision=row.report_revision,
        ),
        predecessors=predecessors,
        companions=_companions(session, row),
        earlier=_earlier(session, row) if row.instance.removing_since is not None else None,
        maps=_maps(session, row),
    )


def triage_of(row: Classification) -> Triage:
    """Return the priority of a scored result."""
    return Triage(Priority(str(row.priority)), row.priority_rule or "", row.priority_score or 0.0)


def newest_reports(session: Session, row: Classification) -> dict[str, Predecessor]:
    """Return the newest report on this result's SOP instance, by profile.

    Reports are made of what stands alone, so it is the one that stood before.
    """
    earlier = session.execute(
        select(
            Report.id,
            Report.profile,
            Report.sop_class_uid,
            Report.sop_instance_uid,
            Report.series_instance_uid,
            Instance.study_instance_uid,
        )
        .join(Classification, Report.classification_id == Classification.id)
        .join(Instance, Classification.instance_id == Instance.id)
        .where(Instance.sop_instance_uid == row.instance.sop_instance_uid)
        .order_by(Report.id)
    )
    return {
        report.profile: Predecessor(
            report.id,
            ReportReference(
                sop_class_uid=report.sop_class_uid,
                sop_instance_uid=report.sop_instance_uid,
                study_instance_uid=report.study_instance_uid,
                series_instance_uid=report.series_instance_uid,
            ),
        )
        for report in earlier
    }


def _companions(session: Session, row: Classification) -> tuple[ReportReference, ...]:
    structured = [one.name for one in RENDERINGS.all() if one.header_in]
    made = (
        select(Report)
        .where(Report.classification_id == row.id, Report.revision == row.report_revision)
        .where(Report.profile.in_(structured))
        .order_by(Report.profile)
    )
    return tuple(
        ReportReference(
            sop_class_uid=report.sop_class_uid,
            sop_instance_uid=report.sop_instance_uid,
            study_instance_uid=row.instance.study_instance_uid,
            series_instance_uid=report.series_instance_uid,
        )
        for report in session.scalars(made)
    )


def source_of(due: DueReport, spool: Spool) -> Dataset:
    """Return the header of the image; of a removed one, as its earlier report took it over.

    Raises OSError where the image should be there and is not.
    """
    return due.earlier() if due.earlier is not None else read_source(spool.path_of(due.sha256))


def heat_maps_of_due(due: DueReport, spool: Spool) -> HeatMapPicture:
    """Return the result's heat-maps and its radiograph.

    Raises ReportNotPossibleError where there are none, or the radiograph cannot be rendered.
    """
    if not due.maps or due.earlier is not None:
        raise ReportNotPossibleError(
            "expected heat-maps and their image in the spool, found none; a picture of heat-maps "
            "is made once they are computed, while the image is there"
        )
    return HeatMapPicture(due.maps, reduced_radiograph(spool.path_of(due.sha256)))


def _maps(session: Session, row: Classification) -> tuple[HeatMap, ...]:
    kept = heat_maps_of(session, row.id)
    return tuple(HeatMap.from_dict(one) for one in (kept.maps if kept else None) or [])


def _earlier(session: Session, row: Classification) -> Callable[[], Dataset] | None:
    """Return what reads the header in the newest report on this object that holds it."""
    readers = {one.name: one.header_in for one in RENDERINGS.all() if one.header_in}
    of_object: Select[str, bytes] = (
        select(Report.profile, Report.content)
        .join(Classification, Report.classification_id == Classification.id)
        .where(Classification.instance_id == row.instance_id, Report.profile.in_(readers))
        .order_by(Report.id.desc())
        .limit(1)
    )
    found = session.execute(of_object).first()
    return partial(readers[found.profile], found.content) if found else None


def _scores(row: Classification) -> EnsembleScores:
    return EnsembleScores(
        ensemble=ClassScores(row.covid19 or 0.0, row.pneumonia or 0.0, row.normal or 0.0),
        members=tuple(
            MemberScores(name, said["raw"], ClassScores(**said["calibrated"]))
            for name, said in (row.member_scores or {}).items()
        ),
    )


def _calibration(session: Session, row: Classification) -> CalibrationIdentity | None:
    kept = calibration_of(session, row)
    if kept is None:
        return None
    return CalibrationIdentity(
        name=kept.name,
        sha256=kept.sha256,
        rules=tuple(f"{rule.priority}: {rule}" for rule in kept.calibration.rules),
        studies=kept.document.sample.studies,
        recalibrated=kept.calibration.recalibrated_in_words(_scores(row).ensemble),
        has_thresholds=kept.document.has_thresholds,
        grey_levels=levels_in_words(kept.document),
    )


def _identity(bundle: Bundle) -> BundleIdentity:
    manifest = Manifest.model_validate_json(json.dumps(bundle.manifest))
    return BundleIdentity(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        trained=bundle.trained,
        members=tuple(_member(member) for member in manifest.members),
    )


def _member(member: Member) -> MemberIdentity:
    return MemberIdentity(
        name=member.name,
        architecture=member.architecture,
        weights_sha256=member.weights_sha256,
        input_height=member.input.height,
        input_width=member.input.width,
        weight=member.weight,
    )
