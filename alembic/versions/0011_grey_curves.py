"""A site's grey-level curve: which one made a result's scores, and what a calibration has of it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "classifications", sa.Column("grey_curve_sha256", sa.String(length=64), nullable=True)
    )
    op.add_column(
        "site_calibrations", sa.Column("grey_curve_sha256", sa.String(length=64), nullable=True)
    )
    op.add_column(
        "site_calibrations",
        sa.Column("has_thresholds", sa.Boolean(), server_default=sa.true(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("site_calibrations", "has_thresholds")
    op.drop_column("site_calibrations", "grey_curve_sha256")
    op.drop_column("classifications", "grey_curve_sha256")
