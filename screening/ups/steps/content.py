"""The images and reports that procedure steps refer to."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from screening.db.tables.instances import Classification, Instance, Report
from screening.db.tables.views import instance_results
from screening.domain.shown_values import is_uid


@dataclass(frozen=True, slots=True)
class Referenced:
    """One object of a study."""

    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Content:
    """What belongs to a study: its images in no conflict, and the reports of current results."""

    images: tuple[Referenced, ...] = ()
    reports: tuple[Referenced, ...] = ()


def read_content(session: Session, studies: Collection[str]) -> Mapping[str, Content]:
    """Return the content of each of these studies; each object once, those made first first."""
    images, reports = _images(session, studies), _reports(session, studies)
    return {uid: Content(tuple(images[uid]), tuple(reports[uid])) for uid in studies}


def _images(session: Session, studies: Collection[str]) -> Mapping[str, list[Referenced]]:
    columns = (
        Instance.study_instance_uid,
        Instance.series_instance_uid,
        Instance.sop_class_uid,
        Instance.sop_instance_uid,
    )
    rows = (
        select(*columns)
        .where(Instance.study_instance_uid.in_(studies), Instance.conflicting.is_(False))
        .order_by(Instance.id)
    )
    found: dict[str, list[Referenced]] = defaultdict(list)
    for study, *uids in session.execute(rows):
        if all(is_uid(uid) for uid in uids):
            found[study].append(Referenced(*uids))
    return found


def _reports(session: Session, studies: Collection[str]) -> Mapping[str, list[Referenced]]:
    """Return the newest report of each profile on each current result; DICOM objects alone."""
    newest = (
        select(func.max(Report.id))
        .join(Classification, Classification.id == Report.classification_id)
        .join(instance_results, instance_results.c.classification_id == Classification.id)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(Instance.study_instance_uid.in_(studies))
        .group_by(Report.classification_id, Report.profile)
    )
    rows = (
        select(
            Instance.study_instance_uid,
            Report.series_instance_uid,
            Report.sop_class_uid,
            Report.sop_instance_uid,
        )
        .join(Classification, Classification.id == Report.classification_id)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(Report.id.in_(newest))
        .order_by(Report.id)
    )
    found: dict[str, list[Referenced]] = defaultdict(list)
    for study, *uids in session.execute(rows):
        if all(is_uid(uid) for uid in uids):  # a message or a file in JSON has none
            found[study].append(Referenced(*uids))
    return found
