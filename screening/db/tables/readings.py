"""The tables of what readers do: whose turn it is at a study, and what they found."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import (
    Base,
    BigKey,
    State,
    Text,
    Uid,
    partial_index,
    state_column,
)
from screening.domain.lifecycle import ReadingState

LONGEST_READER = 255
"""Characters of a user's name."""


class Reading(Base):
    """One reader's turn at a study, from their claim on; a study has one open claim at a time.

    The newest one of a study says how it is read. It holds the most urgent place that the study
    had since it was claimed: from then on the study rises and does not fall, until it is read.
    """

    __tablename__ = "readings"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(Uid)
    state: Mapped[str] = state_column(ReadingState)
    claimed_by: Mapped[str] = mapped_column(Text(LONGEST_READER))
    claimed_at: Mapped[datetime]
    read_by: Mapped[str | None] = mapped_column(Text(LONGEST_READER))
    read_at: Mapped[datetime | None]
    newest_instance_id: Mapped[int | None] = mapped_column(BigKey)
    """The newest image, of those in no conflict, when it was read."""
    images: Mapped[int | None] = mapped_column(Integer)
    """How many images in no conflict there were then."""
    released_by: Mapped[str | None] = mapped_column(Text(LONGEST_READER))
    released_at: Mapped[datetime | None]
    held_priority: Mapped[str] = mapped_column(State)
    held_rank: Mapped[int] = mapped_column(Integer)
    held_rule: Mapped[str | None] = mapped_column(String(128))
    held_score: Mapped[float | None]

    __table_args__ = (
        Index("ix_readings_study", "study_instance_uid", "id"),
        partial_index(
            "uq_readings_claimed",
            ("study_instance_uid",),
            f"state = '{ReadingState.CLAIMED}'",
            unique=True,
        ),
        partial_index("ix_readings_read", ("read_at",), f"state = '{ReadingState.READ}'"),
    )


class Feedback(Base):
    """What a reader found in a study, beside what the system made of it then.

    Of several the newest counts; none is changed or removed.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reading_id: Mapped[int] = mapped_column(ForeignKey("readings.id"))
    study_instance_uid: Mapped[str] = mapped_column(Uid)
    label: Mapped[str] = mapped_column(State)
    """`screening.domain.reading.Label`."""
    agrees: Mapped[bool | None]
    """Whether that is what the system made of it; None where no image had a score."""
    classification_id: Mapped[int | None] = mapped_column(ForeignKey("classifications.id"))
    """The result that gave the study its priority; None where no image had a score."""
    bundle_id: Mapped[int | None] = mapped_column(ForeignKey("bundles.id"))
    priority: Mapped[str] = mapped_column(State)
    called: Mapped[str | None] = mapped_column(State)
    """The class whose rule fired; None where none reached its threshold, or without a score."""
    given_by: Mapped[str] = mapped_column(Text(LONGEST_READER))
    given_at: Mapped[datetime]

    reading: Mapped[Reading] = relationship()

    __table_args__ = (
        Index("ix_feedback_study", "study_instance_uid", "id"),
        Index("ix_feedback_given_at", "given_at", "id"),
    )
