"""Storage Commitment in both roles, and images that retention removed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
OPEN = sa.text("state IN ('due', 'asked')")
REQUEST_OPEN = sa.text("state IN ('due', 'reporting')")
REMOVAL_COLUMNS = ("kept_since", "removing_since", "removed_at")


def upgrade() -> None:
    for name in REMOVAL_COLUMNS:
        op.add_column("instances", sa.Column(name, TIME, nullable=True))
    op.create_index("ix_deliveries_delivered_at", "deliveries", ["delivered_at"])
    op.create_table(
        "commitments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("state", sa.String(length=16), server_default="due", nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("asked_at", TIME, nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("last_message", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery_id"),
    )
    op.create_index("ix_commitments_transaction_uid", "commitments", ["transaction_uid"])
    op.create_index(
        "ix_commitments_open",
        "commitments",
        ["not_before"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "commitment_requests",
        sa.Column("id", KEY, nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("references_sha256", sa.String(length=64), nullable=False),
        sa.Column("sop_references", sa.JSON(), nullable=False),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="due", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("reported_at", TIME, nullable=True),
        sa.Column("committed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.String(length=16), nullable=True),
        sa.Column("last_message", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "calling_ae_title",
            "transaction_uid",
            "references_sha256",
            name="uq_commitment_requests_transaction",
        ),
    )
    op.create_index(
        "ix_commitment_requests_open",
        "commitment_requests",
        ["calling_ae_title", "id"],
        sqlite_where=REQUEST_OPEN,
        postgresql_where=REQUEST_OPEN,
    )


def downgrade() -> None:
    op.drop_table("commitment_requests")
    op.drop_table("commitments")
    op.drop_index("ix_deliveries_delivered_at", table_name="deliveries")
    for name in reversed(REMOVAL_COLUMNS):
        op.drop_column("instances", name)
