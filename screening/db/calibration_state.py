"""Whether the site has calibrated the active bundle, and what a change of the bundle made void."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from screening.calibration.document import calibration_name
from screening.db.calibrations import LEVELS_ALONE
from screening.db.session import Database
from screening.db.tables.calibrations import WHOLE_SITE, SiteCalibrationRow
from screening.db.tables.instances import Bundle
from screening.domain.lifecycle import BundleRole


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """Versions by calling AE title, `WHOLE_SITE` among them."""

    in_force: Mapping[str, int] = field(default_factory=dict)
    void: Mapping[str, int] = field(default_factory=dict)
    """Of another bundle than the active one, where that has none."""
    of_levels_alone: frozenset[str] = frozenset()
    """Whose of those in force have a grey-level curve and no thresholds: theirs are the
    bundle's."""

    @property
    def names_in_force(self) -> list[str]:
        """How people find those in force, and which have no thresholds."""
        return [
            f"{calibration_name(*one)}{LEVELS_ALONE if one[0] in self.of_levels_alone else ''}"
            for one in self.in_force.items()
        ]

    @property
    def names_void(self) -> list[str]:
        """How people find those that are void."""
        return [calibration_name(*one) for one in self.void.items()]

    @property
    def covers_every_sender(self) -> bool:
        """Whether no image's priority is by the bundle's own thresholds."""
        return WHOLE_SITE in self.in_force and not self.of_levels_alone


def calibration_state(database: Database) -> CalibrationState:
    """Return which calibrations are in force, and which would be but for a change of the bundle."""
    row = SiteCalibrationRow
    newest_last = (
        select(row.calling_ae_title, row.version, Bundle.role, row.has_thresholds)
        .join(Bundle, Bundle.id == row.bundle_id)
        .where(row.withdrawn_at.is_(None))
        .order_by(row.calling_ae_title, row.version)
    )
    with database.read() as session:
        rows = session.execute(newest_last).all()
    newest = {title: version for title, version, _, _ in rows}
    active = {
        title: (version, own) for title, version, role, own in rows if role == BundleRole.ACTIVE
    }
    in_force = {title: version for title, (version, _) in active.items()}
    void = {title: version for title, version in newest.items() if title not in in_force}
    levels_alone = frozenset(title for title, (_, own) in active.items() if not own)
    return CalibrationState(in_force, void, levels_alone)
