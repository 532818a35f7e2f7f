"""Unified Procedure Steps: those that peers know, who watches them, and what they are told."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
UID = sa.String(length=64)
TITLE = sa.String(length=16)
STATE = sa.String(length=16)
OF_STEP = sa.text("step_id IS NOT NULL")
OF_ALL = sa.text("step_id IS NULL")
OPEN = sa.text("state IN ('due', 'sending')")


def upgrade() -> None:
    op.create_table(
        "procedure_steps",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sop_instance_uid", UID, nullable=False),
        sa.Column("study_instance_uid", UID, nullable=False),
        sa.Column("after_reading_id", KEY, nullable=False),
        sa.Column("calling_ae_title", TITLE, nullable=True),
        sa.Column("transaction_uid", UID, nullable=True),
        sa.Column("images_shown", sa.Integer(), nullable=True),
        sa.Column("performed", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("told_state", STATE, nullable=True),
        sa.Column("told_readiness", STATE, nullable=True),
        sa.Column("told_priority", STATE, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid"),
        sa.UniqueConstraint(
            "study_instance_uid", "after_reading_id", name="uq_procedure_steps_turn"
        ),
    )
    op.create_table(
        "procedure_step_subscriptions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("receiving_ae_title", TITLE, nullable=False),
        sa.Column("step_id", KEY, nullable=True),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("deletion_lock", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=True),
        sa.Column("last_step_id", KEY, nullable=True),
        sa.Column("subscribed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["step_id"], ["procedure_steps.id"]),
    )
    _create_index(
        "uq_procedure_step_subscriptions_step",
        "procedure_step_subscriptions",
        ["receiving_ae_title", "step_id"],
        OF_STEP,
        unique=True,
    )
    _create_index(
        "uq_procedure_step_subscriptions_global",
        "procedure_step_subscriptions",
        ["receiving_ae_title"],
        OF_ALL,
        unique=True,
    )
    op.create_index(
        "ix_procedure_step_subscriptions_of_step", "procedure_step_subscriptions", ["step_id"]
    )
    op.create_table(
        "procedure_step_reports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("receiving_ae_title", TITLE, nullable=False),
        sa.Column("step_id", KEY, nullable=False),
        sa.Column("event_type", sa.Integer(), nullable=False),
        sa.Column("information", sa.JSON(), nullable=False),
        sa.Column("state", STATE, server_default="due", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("happened_at", TIME, nullable=False),
        sa.Column("reported_at", TIME, nullable=True),
        sa.Column("last_status", sa.String(length=16), nullable=True),
        sa.Column("last_message", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["step_id"], ["procedure_steps.id"]),
    )
    _create_index(
        "ix_procedure_step_reports_open",
        "procedure_step_reports",
        ["receiving_ae_title", "id"],
        OPEN,
    )
    op.create_table(
        "procedure_step_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("first_event_id", KEY, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    for table in ("watch", "reports", "subscriptions"):
        op.drop_table(f"procedure_step_{table}")
    op.drop_table("procedure_steps")


def _create_index(
    name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
