"""A scored image's statistics are kept with its result; a sender's newest images are found."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("classifications", sa.Column("image_statistics", sa.JSON(), nullable=True))
    op.create_index("ix_instances_calling_ae_title", "instances", ["calling_ae_title", "id"])


def downgrade() -> None:
    op.drop_index("ix_instances_calling_ae_title", table_name="instances")
    op.drop_column("classifications", "image_statistics")
