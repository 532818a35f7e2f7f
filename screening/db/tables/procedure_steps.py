"""The tables of Unified Procedure Steps: those that peers know, who watches, what they are told.

Source: PS3.4 annex CC.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, BigKey, State, Text, Uid, partial_index, state_column
from screening.domain.procedure_step import StepReportState

_OPEN = f"state IN ('{StepReportState.DUE}', '{StepReportState.SENDING}')"


class ProcedureStep(Base):
    """One turn at a study, as peers know it; its state is that of its reading.

    A row is added when a peer is told of the step, so that its UID is known when it is named.
    """

    __tablename__ = "procedure_steps"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(Uid, unique=True)
    study_instance_uid: Mapped[str] = mapped_column(Uid)
    after_reading_id: Mapped[int] = mapped_column(BigKey)
    """The study's last reading before this turn, 0 for the first; the next one is this turn's."""
    calling_ae_title: Mapped[str | None] = mapped_column(Text(16))
    """Who claimed it by UPS; None where nobody has, or somebody on the page."""
    transaction_uid: Mapped[str | None] = mapped_column(Uid)
    """The key that they lock it with. It is told to nobody."""
    images_shown: Mapped[int | None] = mapped_column(Integer)
    """How many images the study had when they were shown it last."""
    performed: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What they said of their work by N-SET, in the DICOM JSON Model (PS3.18 annex F)."""
    reason: Mapped[str | None] = mapped_column(Text(64))
    """Reason For Cancellation (0074,1238)."""
    told_state: Mapped[str | None] = mapped_column(State)
    """What watchers were told last; None: nothing, as of the next two."""
    told_readiness: Mapped[str | None] = mapped_column(State)
    told_priority: Mapped[str | None] = mapped_column(State)

    __table_args__ = (
        UniqueConstraint("study_instance_uid", "after_reading_id", name="uq_procedure_steps_turn"),
    )


class StepSubscription(Base):
    """What one AE hears of: one step, or every step."""

    __tablename__ = "procedure_step_subscriptions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    receiving_ae_title: Mapped[str] = mapped_column(Text(16))
    step_id: Mapped[int | None] = mapped_column(ForeignKey("procedure_steps.id"))
    """None: a global subscription."""
    wanted: Mapped[bool]
    """False: the AE wants to hear nothing of this step, whatever its global subscription says."""
    deletion_lock: Mapped[bool]
    keys: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Of a filtered global subscription: the matching keys, in the DICOM JSON Model."""
    last_step_id: Mapped[int | None] = mapped_column(BigKey)
    """Of a global subscription that is suspended: the newest step that it covers."""
    subscribed_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_procedure_step_subscriptions_step",
            "receiving_ae_title",
            "step_id",
            unique=True,
            sqlite_where=text("step_id IS NOT NULL"),
            postgresql_where=text("step_id IS NOT NULL"),
        ),
        partial_index(
            "uq_procedure_step_subscriptions_global",
            ("receiving_ae_title",),
            "step_id IS NULL",
            unique=True,
        ),
        Index("ix_procedure_step_subscriptions_of_step", "step_id"),
    )


class StepReport(Base):
    """One event that one AE is to be told of by N-EVENT-REPORT."""

    __tablename__ = "procedure_step_reports"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    receiving_ae_title: Mapped[str] = mapped_column(Text(16))
    step_id: Mapped[int] = mapped_column(ForeignKey("procedure_steps.id"))
    event_type: Mapped[int] = mapped_column(Integer)
    information: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Event Information, in the DICOM JSON Model."""
    state: Mapped[str] = state_column(StepReportState)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None]
    happened_at: Mapped[datetime]
    reported_at: Mapped[datetime | None]
    last_status: Mapped[str | None] = mapped_column(Text(16))
    last_message: Mapped[str | None] = mapped_column(Text(255))

    step: Mapped[ProcedureStep] = relationship()

    __table_args__ = (
        partial_index("ix_procedure_step_reports_open", ("receiving_ae_title", "id"), _OPEN),
    )


class StepWatch(Base):
    """How far the audit trail was read for what watchers are to be told; one row, with id 1."""

    __tablename__ = "procedure_step_watch"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigKey)
    first_event_id: Mapped[int] = mapped_column(BigKey)
    """What was recorded up to this event was there before anybody watched."""
    mark: Mapped[str] = mapped_column(String(64))
    """What tells this state of the audit trail from a later one."""
