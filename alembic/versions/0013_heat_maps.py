"""Heat-maps of results: who asks for them, who computes them, the maps, and pictures of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
IS_READY = sa.text("state = 'due' AND not_before IS NULL")
WAITS = sa.text("state = 'due' AND not_before IS NOT NULL")
IS_COMPUTED = sa.text("state = 'computing'")
PICTURE_IS_READY = sa.text("report_state = 'due' AND report_not_before IS NULL")
PICTURE_WAITS = sa.text("report_state = 'due' AND report_not_before IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "heat_maps",
        sa.Column("id", KEY, nullable=False),
        sa.Column("classification_id", KEY, nullable=False),
        sa.Column("lane", sa.String(length=16), server_default="live", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="due", nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_expires_at", TIME, nullable=True),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=True),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("made_at", TIME, nullable=True),
        sa.Column("maps", sa.JSON(), nullable=True),
        sa.Column("report_state", sa.String(length=16), server_default="none", nullable=False),
        sa.Column("report_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report_not_before", TIME, nullable=True),
        sa.ForeignKeyConstraint(["classification_id"], ["classifications.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("classification_id"),
    )
    for name, columns, where in (
        ("ix_heat_maps_ready", ["lane", "id"], IS_READY),
        ("ix_heat_maps_waiting", ["lane", "not_before"], WAITS),
        ("ix_heat_maps_computing", ["lease_expires_at"], IS_COMPUTED),
        ("ix_heat_maps_report_ready", ["lane", "id"], PICTURE_IS_READY),
        ("ix_heat_maps_report_waiting", ["lane", "report_not_before"], PICTURE_WAITS),
    ):
        op.create_index(name, "heat_maps", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("heat_maps")
