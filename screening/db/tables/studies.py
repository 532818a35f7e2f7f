"""What the worklist and the ledger read: a row a study, and standing totals.

Both are derived: `screening.db.derived.upkeep` keeps them in the transactions that change what they
are derived from, and the views `computed_studies` and `computed_figures` say what they must
be.
"""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from screening.db.tables.columns import Base, BigKey, State, Text, Uid, partial_index
from screening.domain.reading import StudyReading


class Study(Base):
    """One study, with everything the worklist shows and orders by.

    The demographic values are those of one instance, the newest that is in no conflict.
    """

    __tablename__ = "studies"

    study_instance_uid: Mapped[str] = mapped_column(Uid, primary_key=True)
    patient_id: Mapped[str] = mapped_column(Text(64))
    patient_name: Mapped[str] = mapped_column(Text(324))
    patient_birth_date: Mapped[str | None] = mapped_column(Text(16))
    patient_sex: Mapped[str | None] = mapped_column(Text(16))
    patient_age: Mapped[str | None] = mapped_column(Text(16))
    accession_number: Mapped[str] = mapped_column(Text(64))
    study_date: Mapped[str] = mapped_column(String(16))
    study_time: Mapped[str] = mapped_column(String(16))
    study_description: Mapped[str | None] = mapped_column(Text(64))
    modality: Mapped[str] = mapped_column(Text(16))
    calling_ae_title: Mapped[str] = mapped_column(Text(16))
    demographics_instance_id: Mapped[int | None] = mapped_column(BigKey)
    """The instance they are of; None where every one of the study is in conflict."""
    demographics_differ: Mapped[bool]
    """Not all instances name the same patient and accession number."""
    instances: Mapped[int] = mapped_column(Integer)
    pending: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    not_applicable: Mapped[int] = mapped_column(Integer)
    classified: Mapped[int] = mapped_column(Integer)
    priority: Mapped[str] = mapped_column(State)
    rank: Mapped[int] = mapped_column(Integer)
    priority_rule: Mapped[str | None] = mapped_column(String(128))
    priority_score: Mapped[float | None]
    score_order: Mapped[float]
    """Minus priority_score, 1 where there is none: ascending inside a priority."""
    covid19: Mapped[float | None]
    pneumonia: Mapped[float | None]
    normal: Mapped[float | None]
    untrained: Mapped[bool]
    received_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    oldest_pending_at: Mapped[datetime | None]
    report: Mapped[str] = mapped_column(State)
    reading: Mapped[str] = mapped_column(State)
    """Whether somebody reads it or has read it: `screening.domain.reading.StudyReading`."""
    reader: Mapped[str | None] = mapped_column(Text(255))
    """Who has claimed it, or has read it."""
    reading_since: Mapped[datetime | None]
    """When it was claimed, or read."""
    returned: Mapped[bool]
    """It was read before, and images came since."""
    held_rank: Mapped[int | None] = mapped_column(Integer)
    """The rank below which it does not fall, since it was claimed; see `db/tables/readings.py`."""
    figures: Mapped[list[list[str | int]]] = mapped_column(JSON)
    """What the study adds to the totals beside its counts: [kind, state, subject, count]."""

    __table_args__ = (
        partial_index(
            "ix_studies_reading_order",
            ("rank", "score_order", "received_at", "study_instance_uid"),
            f"reading <> '{StudyReading.READ}'",
        ),
        partial_index(
            "ix_studies_arrival",
            ("received_at", "study_instance_uid"),
            f"reading <> '{StudyReading.READ}'",
        ),
        Index("ix_studies_received_at", "received_at", "study_instance_uid"),
        partial_index(
            "ix_studies_read",
            ("reading_since", "study_instance_uid"),
            f"reading = '{StudyReading.READ}'",
        ),
        partial_index(
            "ix_studies_oldest_pending", ("oldest_pending_at",), "oldest_pending_at IS NOT NULL"
        ),
    )


class Total(Base):
    """A share of one total; the total is the sum over its slots, of which each writer takes one.

    Kinds, and what state and subject say of them, are in `screening.db.derived.totals`.
    """

    __tablename__ = "totals"

    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    state: Mapped[str] = mapped_column(State, primary_key=True)
    subject: Mapped[str] = mapped_column(Text(64), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)
