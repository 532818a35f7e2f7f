"""The table of Storage Commitment as SCP. Source: PS3.4 annex J."""

from datetime import datetime

from sqlalchemy import JSON, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from screening.db.tables.columns import Base, BigKey, Text, Uid, state_column
from screening.domain.lifecycle import PeerCommitmentRequestState

_OPEN = text(
    f"state IN ('{PeerCommitmentRequestState.DUE}', '{PeerCommitmentRequestState.REPORTING}')"
)


class PeerCommitmentRequest(Base):
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
    state: Mapped[str] = state_column(PeerCommitmentRequestState, active_history=True)
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
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )
