"""The table of destinations that fail."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from screening.db.tables.columns import Base, Text


class Breaker(Base):
    """One destination that failed last: how often in a row; with `probe_at` it is only probed."""

    __tablename__ = "breakers"

    destination: Mapped[str] = mapped_column(String(32), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    failing_since: Mapped[datetime]
    probe_at: Mapped[datetime | None]
    last_message: Mapped[str] = mapped_column(Text(255))
