"""The table of the tokens by which programs identify themselves."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from screening.db.tables.columns import Base, BigKey, State, partial_index
from screening.db.tables.decisions import LONGEST_NAME


class ClientToken(Base):
    """One token of one program; it is kept when it is revoked, since it says who did what.

    Of a name there is one token that is not revoked.
    """

    __tablename__ = "client_tokens"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    role: Mapped[str] = mapped_column(State)
    """`screening.domain.roles.Role`."""
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the token, in hexadecimal; the token itself is nowhere."""
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(LONGEST_NAME))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To within a minute."""
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(LONGEST_NAME))

    __table_args__ = (
        partial_index("uq_client_tokens_name", ("name",), "revoked_at IS NULL", unique=True),
    )
