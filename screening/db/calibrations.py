"""Which of a site's own calibrations is in force, and which were before.

A result's priority is given in the transaction that records it, under a shared lock on its
bundle's row; who puts a calibration in force, or withdraws one, holds that row alone. So of what is
recorded afterwards, by any worker on any machine, all is by the new one; what was recorded before
is there to be derived again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, null, select
from sqlalchemy.orm import Session

from screening.calibration.document import (
    CalibrationDocument,
    calibration_name,
    document_sha256,
)
from screening.db.bundle_rows import ActiveBundle
from screening.db.clock import utc_now
from screening.db.events import add_event
from screening.db.session import Database
from screening.db.tables.calibrations import WHOLE_SITE, SiteCalibrationRow
from screening.db.tables.decisions import LONGEST_NAME
from screening.db.tables.instances import Bundle, Classification, Instance
from screening.domain.grey_curve import GreyCurve, sha256_of
from screening.domain.lifecycle import BundleRole
from screening.domain.scores import ClassScores
from screening.domain.site_calibration import SiteCalibration
from screening.domain.triage import Triage
from screening.errors import CalibrationError

LEVELS_ALONE = " (grey levels alone: the bundle's thresholds)"


@dataclass(frozen=True, slots=True)
class KeptCalibration:
    """One version of a calibration, as the database has it."""

    id: int
    calling_ae_title: str
    version: int
    document: CalibrationDocument
    sha256: str
    """Of its file."""
    made_at: datetime
    made_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    of_active_bundle: bool

    @property
    def name(self) -> str:
        """How people find it: "CR1 version 2"."""
        return calibration_name(self.calling_ae_title, self.version)

    @property
    def title(self) -> str:
        """The name, and whether it has no thresholds."""
        return f"{self.name}{'' if self.document.has_thresholds else LEVELS_ALONE}"

    @property
    def calibration(self) -> SiteCalibration:
        """What it does."""
        return self.document.calibration(self.version)


@dataclass(frozen=True, slots=True)
class CalibrationsInForce:
    """The calibrations of one bundle that are in force, by calling AE title."""

    by_calling_ae_title: Mapping[str, KeptCalibration]

    def of(self, calling_ae_title: str) -> KeptCalibration | None:
        """Return the one for a sender: its own, else the whole site's, else None."""
        found = self.by_calling_ae_title
        return found.get(calling_ae_title) or found.get(WHOLE_SITE)

    def grey_curve_of(self, calling_ae_title: str) -> GreyCurve | None:
        """Return the grey-level curve that a sender's images are scored with, None: with none."""
        found = self.of(calling_ae_title)
        return found.document.grey_curve if found else None

    @property
    def id_by_sender(self) -> ColumnElement[int | None]:
        """The calibration that an instance's sender has, as SQL."""
        return self._by_sender(lambda one: one.id)

    @property
    def grey_curve_by_sender(self) -> ColumnElement[str | None]:
        """The digest of the curve that an instance's sender has, as SQL."""
        return self._by_sender(lambda one: sha256_of(one.document.grey_curve))

    def _by_sender(self, value: Callable[[KeptCalibration], Any]) -> ColumnElement[Any]:
        found = {title: value(one) for title, one in self.by_calling_ae_title.items()}
        whole = found.pop(WHOLE_SITE, None)
        other = null() if whole is None else literal(whole)
        if not found:
            return other
        whens = [
            (Instance.calling_ae_title == title, null() if one is None else literal(one))
            for title, one in found.items()
        ]
        return case(*whens, else_=other)


def calibrations_in_force(
    session: Session, bundle_id: int | None, *, locked: bool = False
) -> CalibrationsInForce:
    """Return a bundle's calibrations in force; none of bundle None.

    locked: none is put in force or withdrawn until the transaction ends.
    """
    if bundle_id is None:
        return CalibrationsInForce({})
    if locked:
        session.execute(select(Bundle.id).where(Bundle.id == bundle_id).with_for_update(read=True))
    rows = session.scalars(
        select(SiteCalibrationRow)
        .where(SiteCalibrationRow.bundle_id == bundle_id, SiteCalibrationRow.withdrawn_at.is_(None))
        .order_by(SiteCalibrationRow.version)
    )
    return CalibrationsInForce({row.calling_ae_title: _kept(row) for row in rows})


def active_calibrations(database: Database) -> CalibrationsInForce:
    """Return the active bundle's calibrations in force."""
    with database.read() as session:
        return calibrations_in_force(session, _active_bundle_id(session))


def kept_calibrations(database: Database) -> list[KeptCalibration]:
    """Return every calibration, the newest version of each calling AE title first."""
    order = (SiteCalibrationRow.calling_ae_title, SiteCalibrationRow.version.desc())
    with database.read() as session:
        return [_kept(row) for row in session.scalars(select(SiteCalibrationRow).order_by(*order))]


def put_in_force(
    database: Database, bundle: ActiveBundle, document: CalibrationDocument, *, by: str
) -> KeptCalibration:
    """Keep a calibration as the newest version of its calling AE title, which is in force at once.

    Raises CalibrationError where it is of another bundle than the active one.
    """
    with database.write() as session:
        _hold_alone(session, bundle.id)
        if document.bundle.digest != bundle.digest or _active_bundle_id(session) != bundle.id:
            raise CalibrationError(
                f"expected a calibration of the active bundle {bundle.name} {bundle.version} "
                f"({bundle.digest[:12]}), found one of {document.bundle.name} "
                f"{document.bundle.version} ({document.bundle.digest[:12]}); calibrate again, or "
                "activate that bundle first. Nothing was applied"
            )
        newest = select(func.max(SiteCalibrationRow.version)).where(
            SiteCalibrationRow.calling_ae_title == document.calling_ae_title
        )
        row = SiteCalibrationRow(
            calling_ae_title=document.calling_ae_title,
            version=(session.scalar(newest) or 0) + 1,
            bundle_id=bundle.id,
            content=document.model_dump(mode="json"),
            sha256=document_sha256(document),
            grey_curve_sha256=sha256_of(document.grey_curve),
            has_thresholds=document.has_thresholds,
            made_at=utc_now(),
            made_by=by[:LONGEST_NAME],
        )
        session.add(row)
        session.flush()
        name = calibration_name(row.calling_ae_title, row.version)
        add_event(session, "site_calibrated", calibration=name, sha256=row.sha256, by=by)
        return _kept(row)


def withdraw_newest(
    database: Database, bundle: ActiveBundle, calling_ae_title: str, *, by: str
) -> KeptCalibration:
    """Withdraw the calibration in force of a calling AE title; the version before is in force.

    Returns the one that was withdrawn. Raises CalibrationError where none is in force.
    """
    with database.write() as session:
        _hold_alone(session, bundle.id)
        found = calibrations_in_force(session, bundle.id).by_calling_ae_title.get(calling_ae_title)
        if found is None:
            raise CalibrationError(
                f"expected a calibration of {calling_ae_title or 'the whole site'} in force, found "
                "none; `screening site calibration list` lists all"
            )
        row = session.get_one(SiteCalibrationRow, found.id)
        row.withdrawn_at, row.withdrawn_by = utc_now(), by[:LONGEST_NAME]
        add_event(session, "site_calibration_withdrawn", calibration=found.name, by=by)
        session.flush()
        return _kept(row)


def calibration_of(session: Session, row: Classification) -> KeptCalibration | None:
    """Return the calibration that gave a result its priority, None where the bundle did."""
    if row.calibration_id is None:
        return None
    return _kept(session.get_one(SiteCalibrationRow, row.calibration_id))


def give_priority(
    row: Classification, calibration: KeptCalibration | None, by_bundle: Triage
) -> None:
    """Write a scored result's priority: by the site's calibration where there is one.

    Raises CalibrationError where the scores were made with another grey-level curve than the
    calibration's: they are neither of its ranks nor of its thresholds.
    """
    scores = ClassScores(row.covid19 or 0.0, row.pneumonia or 0.0, row.normal or 0.0)
    found = calibration.calibration if calibration else None
    if row.grey_curve_sha256 != (sha256_of(found.grey_curve) if found else None):
        raise CalibrationError(
            "expected scores made with the grey-level curve of the calibration in force, found "
            "others; have the image scored again with `screening reprocess`"
        )
    told = found.triage(scores) if found else by_bundle
    row.priority, row.priority_rule, row.priority_score = told.priority, told.rule, told.score
    row.calibration_id = calibration.id if calibration else None


def _hold_alone(session: Session, bundle_id: int) -> None:
    """Have one change at a time, and no result recorded meanwhile."""
    session.execute(select(Bundle.id).where(Bundle.id == bundle_id).with_for_update())


def _active_bundle_id(session: Session) -> int | None:
    return session.scalar(select(Bundle.id).where(Bundle.role == BundleRole.ACTIVE))


def _kept(row: SiteCalibrationRow) -> KeptCalibration:
    return KeptCalibration(
        id=row.id,
        calling_ae_title=row.calling_ae_title,
        version=row.version,
        document=CalibrationDocument.model_validate(row.content),
        sha256=row.sha256,
        made_at=row.made_at,
        made_by=row.made_by,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        of_active_bundle=row.bundle.role == BundleRole.ACTIVE,
    )
