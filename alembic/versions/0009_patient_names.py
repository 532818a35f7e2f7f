"""An index by which the page finds images by the beginning of a patient's name."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEX = "ix_instances_patient_name"


def upgrade() -> None:
    op.create_index(
        INDEX,
        "instances",
        ["patient_name"],
        postgresql_ops={"patient_name": "varchar_pattern_ops"},
    )


def downgrade() -> None:
    op.drop_index(INDEX, "instances")
