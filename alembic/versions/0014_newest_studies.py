"""An index by which the page finds the newest studies, read ones among them."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = "ix_studies_received_at"


def upgrade() -> None:
    op.create_index(INDEX, "studies", ["received_at", "study_instance_uid"])


def downgrade() -> None:
    op.drop_index(INDEX, "studies")
