"""The table of heat-maps: who asks for them, who computes them, and the maps themselves."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, BigKey, State, Text, partial_index, state_column
from screening.db.tables.instances import Classification
from screening.domain.lifecycle import HeatMapState, Lane, ReportState


class HeatMaps(Base):
    """The heat-maps of one result: one of each of the bundle's networks and their classes."""

    __tablename__ = "heat_maps"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    classification_id: Mapped[int] = mapped_column(
        ForeignKey("classifications.id", ondelete="CASCADE"), unique=True
    )
    """Of the result, which is one image's and one bundle's; the maps go when it goes."""
    lane: Mapped[str] = mapped_column(State, server_default=Lane.LIVE)
    """Live where somebody waits for them."""
    state: Mapped[str] = state_column(HeatMapState)
    reason: Mapped[str | None] = mapped_column(String(32))
    """Why there are none: of `NoHeatMap` or `FailureReason`."""
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    asked_by: Mapped[str | None] = mapped_column(Text(64))
    """A reader's name; None: the settings ask, or a page on which nobody logs in."""
    asked_at: Mapped[datetime]
    made_at: Mapped[datetime | None]
    maps: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """As `HeatMap.as_dict` returns them."""

    report_state: Mapped[str] = state_column(ReportState)
    """Whether a picture of them is to be made for destinations that want one."""
    report_attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    report_not_before: Mapped[datetime | None]

    classification: Mapped[Classification] = relationship()
    __table_args__ = (
        partial_index(
            "ix_heat_maps_ready",
            ("lane", "id"),
            f"state = '{HeatMapState.DUE}' AND not_before IS NULL",
        ),
        partial_index(
            "ix_heat_maps_waiting",
            ("lane", "not_before"),
            f"state = '{HeatMapState.DUE}' AND not_before IS NOT NULL",
        ),
        partial_index(
            "ix_heat_maps_computing",
            ("lease_expires_at",),
            f"state = '{HeatMapState.COMPUTING}'",
        ),
        partial_index(
            "ix_heat_maps_report_ready",
            ("lane", "id"),
            f"report_state = '{ReportState.DUE}' AND report_not_before IS NULL",
        ),
        partial_index(
            "ix_heat_maps_report_waiting",
            ("lane", "report_not_before"),
            f"report_state = '{ReportState.DUE}' AND report_not_before IS NOT NULL",
        ),
    )
