"""The table of a site's own calibrations."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, BigKey, Text
from screening.db.tables.decisions import LONGEST_NAME
from screening.db.tables.instances import Bundle

WHOLE_SITE = ""
"""The calling AE title of a calibration for every image that has none of its own."""


class SiteCalibrationRow(Base):
    """One version of a calibration: of one bundle, for one calling AE title or the whole site.

    In force is, of a bundle and a calling AE title, the newest version that is not withdrawn.
    """

    __tablename__ = "site_calibrations"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    calling_ae_title: Mapped[str] = mapped_column(Text(16))
    """`WHOLE_SITE` for every image whose calling AE title has none of its own."""
    version: Mapped[int] = mapped_column(Integer)
    """From 1, for each calling AE title, also across bundles."""
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundles.id"))
    content: Mapped[dict[str, Any]]
    """As in its file: `screening.calibration.document`."""
    sha256: Mapped[str] = mapped_column(String(64))
    """Of its file."""
    grey_curve_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of its grey-level curve: it is of scores that were made with it; None: it has none."""
    has_thresholds: Mapped[bool] = mapped_column(server_default=true())
    """Whether it has thresholds of its own, or is a curve under the bundle's thresholds."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(LONGEST_NAME))
    withdrawn_at: Mapped[datetime | None]
    """When it was rolled back."""
    withdrawn_by: Mapped[str | None] = mapped_column(String(LONGEST_NAME))

    bundle: Mapped[Bundle] = relationship()

    __table_args__ = (
        UniqueConstraint("calling_ae_title", "version", name="uq_site_calibrations_version"),
    )
