"""The table of Storage Commitment as SCU. Source: PS3.4 annex J."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, BigKey, Text, Uid, state_column
from screening.db.tables.instances import Delivery
from screening.domain.lifecycle import ReportCommitmentState

_OPEN = text(f"state IN ('{ReportCommitmentState.DUE}', '{ReportCommitmentState.ASKED}')")


class ReportCommitment(Base):
    """Whether a destination keeps one delivered report; only where it is set to be asked.

    not_before: when to ask, or, once asked, when its answer is overdue.
    """

    __tablename__ = "commitments"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), unique=True)
    state: Mapped[str] = state_column(ReportCommitmentState)
    transaction_uid: Mapped[str | None] = mapped_column(Uid, index=True)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    last_message: Mapped[str | None] = mapped_column(Text(255))

    delivery: Mapped[Delivery] = relationship()

    __table_args__ = (
        Index("ix_commitments_open", "not_before", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )
