"""The tables of Storage Commitment, in both roles. Source: PS3.4 annex J."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.columns import Base, BigKey, State, Text, Uid
from screening.db.tables import Delivery
from screening.domain.lifecycle import CommitmentRequestState, CommitmentState

_OPEN = text(f"state IN ('{CommitmentState.DUE}', '{CommitmentState.ASKED}')")
_REQUEST_OPEN = text(
    f"state IN ('{CommitmentRequestState.DUE}', '{CommitmentRequestState.REPORTING}')"
)


class Commitment(Base):
    """Whether a destination keeps one delivered report; only where it is set to be asked.

    not_before: when to ask, or, once asked, when its answer is overdue.
    """

    __tablename__ = "commitments"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), unique=True)
    state: Mapped[str] = mapped_column(State, server_default=CommitmentState.DUE)
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


class CommitmentRequest(Base):
    """What a peer asked us to commit ourselves to, and whether it has been told.

    sop_references: a list of [SOP Class UID, SOP Instance UID]; references_sha256: their digest,
    which tells a request that is repeated from another one under the same Transaction UID.
    """

    __tablename__ = "commitment_requests"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    calling_ae_title: Mapped[str] = mapped_column(Text(16))
    transaction_uid: Mapped[str] = mapped_column(Uid)
    references_sha256: Mapped[str] = mapped_column(String(64))
    sop_references: Mapped[list[list[str]]] = mapped_column(JSON)
    duplicate: Mapped[bool]
    """Another request of this peer has this Transaction UID."""
    state: Mapped[str] = mapped_column(
        State, server_default=CommitmentRequestState.DUE, active_history=True
    )
    """Its old value is known when it changes: totals are kept by the difference."""
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None]
    requested_at: Mapped[datetime] = mapped_column(index=True)
    reported_at: Mapped[datetime | None]
    committed: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    last_status: Mapped[str | None] = mapped_column(Text(16))
    last_message: Mapped[str | None] = mapped_column(Text(255))

    __table_args__ = (
        UniqueConstraint(
            "calling_ae_title",
            "transaction_uid",
            "references_sha256",
            name="uq_commitment_requests_transaction",
        ),
        Index(
            "ix_commitment_requests_open",
            "calling_ae_title",
            "id",
            sqlite_where=_REQUEST_OPEN,
            postgresql_where=_REQUEST_OPEN,
        ),
    )
