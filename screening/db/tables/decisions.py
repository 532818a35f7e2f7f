"""The tables of what people decided: which bundle is active, which correction stands."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, state_column
from screening.db.tables.columns import BigKey as Key
from screening.db.tables.instances import Bundle, Instance
from screening.domain.lifecycle import CorrectionState

LONGEST_NAME = 64
"""Characters of the name of whoever decided."""


class BundleActivation(Base):
    """One time a bundle was made the active one. The newest row is the one in force."""

    __tablename__ = "bundle_activations"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundles.id"))
    activated_at: Mapped[datetime]
    activated_by: Mapped[str] = mapped_column(String(LONGEST_NAME))
    returns_to_id: Mapped[int | None] = mapped_column(ForeignKey("bundle_activations.id"))
    """Where rolling this one back leads; None: there was no bundle before."""

    bundle: Mapped[Bundle] = relationship()


class Correction(Base):
    """One object with the same picture and another identification than the one that stood."""

    __tablename__ = "corrections"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), unique=True)
    state: Mapped[str] = state_column(CorrectionState)
    attributes: Mapped[list[str]] = mapped_column(JSON)
    """Keywords of what differs from the object that stood when it was found; no values."""
    found_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(LONGEST_NAME))

    instance: Mapped[Instance] = relationship()

    __table_args__ = (
        Index(
            "ix_corrections_waiting",
            "id",
            sqlite_where=text(f"state = '{CorrectionState.WAITING}'"),
            postgresql_where=text(f"state = '{CorrectionState.WAITING}'"),
        ),
    )
