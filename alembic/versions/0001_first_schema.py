"""The first schema: tables and the two views."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


INSTANCE_RESULTS = """
CREATE VIEW instance_results AS
SELECT i.id AS instance_id,
       CASE WHEN c.state IN ('classified', 'not_applicable', 'failed') THEN c.state
            ELSE 'pending' END AS state,
       c.id AS classification_id,
       i.received_at AS received_at
FROM instances i
LEFT JOIN classifications c ON c.id = (
    SELECT x.id FROM classifications x
    WHERE x.instance_id = i.id
    ORDER BY CASE x.state WHEN 'classified' THEN 0 WHEN 'not_applicable' THEN 1
                          WHEN 'failed' THEN 2 ELSE 3 END,
             x.finished_at DESC, x.id DESC
    LIMIT 1)
"""

# A study with an image that has no score yet, or whose scoring failed, is ordered between MEDIUM
# and LOW: unknown is never read as unsuspicious.
WORKLIST = """
CREATE VIEW worklist AS
SELECT s.study_instance_uid, s.patient_id, s.patient_name, s.accession_number, s.study_date,
       s.study_time, s.modality, s.instances, s.pending, s.failed, s.not_applicable, s.classified,
       CASE WHEN s.priority_rank = 0 THEN 'STAT' WHEN s.priority_rank = 1 THEN 'HIGH'
            WHEN s.priority_rank = 2 THEN 'MEDIUM'
            WHEN s.pending + s.failed > 0 THEN 'UNSCORED'
            WHEN s.priority_rank = 4 THEN 'LOW' ELSE 'NOT SCREENED' END AS priority,
       CASE WHEN s.priority_rank <= 2 THEN s.priority_rank
            WHEN s.pending + s.failed > 0 THEN 3
            WHEN s.priority_rank = 4 THEN 4 ELSE 5 END AS rank,
       s.covid19, s.pneumonia, s.normal, s.untrained, s.received_at, s.finished_at
FROM (
    SELECT i.study_instance_uid,
           MAX(i.patient_id) AS patient_id, MAX(i.patient_name) AS patient_name,
           MAX(i.accession_number) AS accession_number, MAX(i.study_date) AS study_date,
           MAX(i.study_time) AS study_time, MAX(i.modality) AS modality,
           COUNT(*) AS instances,
           SUM(CASE WHEN r.state = 'pending' THEN 1 ELSE 0 END) AS pending,
           SUM(CASE WHEN r.state = 'failed' THEN 1 ELSE 0 END) AS failed,
           SUM(CASE WHEN r.state = 'not_applicable' THEN 1 ELSE 0 END) AS not_applicable,
           SUM(CASE WHEN r.state = 'classified' THEN 1 ELSE 0 END) AS classified,
           MIN(CASE WHEN r.state <> 'classified' THEN NULL
                    WHEN c.priority = 'STAT' THEN 0 WHEN c.priority = 'HIGH' THEN 1
                    WHEN c.priority = 'MEDIUM' THEN 2 WHEN c.priority = 'LOW' THEN 4
               END) AS priority_rank,
           MAX(CASE WHEN r.state = 'classified' THEN c.covid19 END) AS covid19,
           MAX(CASE WHEN r.state = 'classified' THEN c.pneumonia END) AS pneumonia,
           MIN(CASE WHEN r.state = 'classified' THEN c.normal END) AS normal,
           MAX(CASE WHEN r.state = 'classified' AND NOT b.trained THEN 1 ELSE 0 END) AS untrained,
           MIN(i.received_at) AS received_at, MAX(c.finished_at) AS finished_at
    FROM instances i
    JOIN instance_results r ON r.instance_id = i.id
    LEFT JOIN classifications c ON c.id = r.classification_id
    LEFT JOIN bundles b ON b.id = c.bundle_id
    GROUP BY i.study_instance_uid
) s
"""


def upgrade() -> None:
    op.create_table(
        "associations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("called_ae_title", sa.String(length=16), nullable=False),
        sa.Column("peer_address", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=32), server_default="open", nullable=False),
        sa.Column("stored", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_associations_opened_at", "associations", ["opened_at"], unique=False)

    op.create_table(
        "bundles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("trained", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index(
        "uq_bundles_active",
        "bundles",
        ["role"],
        unique=True,
        sqlite_where=sa.text("role = 'active'"),
        postgresql_where=sa.text("role = 'active'"),
    )

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_events_sop_instance_uid", "events", ["sop_instance_uid"], unique=False)
    op.create_index("ix_events_study_instance_uid", "events", ["study_instance_uid"], unique=False)

    op.create_table(
        "instances",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("conflicting", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("association_id", sa.String(length=36), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("patient_name", sa.String(length=324), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.String(length=16), nullable=False),
        sa.Column("study_time", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["association_id"],
            ["associations.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid", "sha256", name="uq_instances_uid_sha"),
    )
    op.create_index(
        "uq_instances_first_of_uid",
        "instances",
        ["sop_instance_uid"],
        unique=True,
        sqlite_where=sa.text("NOT conflicting"),
        postgresql_where=sa.text("NOT conflicting"),
    )
    op.create_index("ix_instances_received_at", "instances", ["received_at"], unique=False)
    op.create_index("ix_instances_sha256", "instances", ["sha256"], unique=False)
    op.create_index(
        "ix_instances_study_instance_uid", "instances", ["study_instance_uid"], unique=False
    )

    op.create_table(
        "classifications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "instance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("bundle_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lane", sa.String(length=16), server_default="live", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="received", nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("covid19", sa.Double(), nullable=True),
        sa.Column("pneumonia", sa.Double(), nullable=True),
        sa.Column("normal", sa.Double(), nullable=True),
        sa.Column("member_scores", sa.JSON(), nullable=True),
        sa.Column("priority", sa.String(length=16), nullable=True),
        sa.Column("priority_rule", sa.String(length=128), nullable=True),
        sa.Column("pixel_sha256", sa.String(length=64), nullable=True),
        sa.Column("render_path", sa.JSON(), nullable=True),
        sa.Column("timings", sa.JSON(), nullable=True),
        sa.Column("report_state", sa.String(length=16), server_default="none", nullable=False),
        sa.Column("report_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report_not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_error", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundles.id"],
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("instance_id", "bundle_id", name="uq_classifications_instance_bundle"),
    )
    op.create_index(
        "ix_classifications_pending",
        "classifications",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('received', 'claimed')"),
        postgresql_where=sa.text("state IN ('received', 'claimed')"),
    )
    op.create_index(
        "ix_classifications_report_due",
        "classifications",
        ["id"],
        unique=False,
        sqlite_where=sa.text("report_state = 'due'"),
        postgresql_where=sa.text("report_state = 'due'"),
    )
    op.create_index(
        "uq_classifications_one_pending",
        "classifications",
        ["instance_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('received', 'claimed')"),
        postgresql_where=sa.text("state IN ('received', 'claimed')"),
    )

    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "classification_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("profile", sa.String(length=24), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column(
            "predecessor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["classification_id"],
            ["classifications.id"],
        ),
        sa.ForeignKeyConstraint(
            ["predecessor_id"],
            ["reports.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "classification_id", "profile", name="uq_reports_classification_profile"
        ),
        sa.UniqueConstraint("sop_instance_uid"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("destination", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.String(length=16), nullable=True),
        sa.Column("last_message", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["reports.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("report_id", "destination", name="uq_deliveries_report_destination"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["destination", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )
    op.execute(INSTANCE_RESULTS)
    op.execute(WORKLIST)


def downgrade() -> None:
    op.execute("DROP VIEW worklist")
    op.execute("DROP VIEW instance_results")
    op.drop_index("ix_deliveries_open", table_name="deliveries")

    op.drop_table("deliveries")
    op.drop_table("reports")
    op.drop_index("uq_classifications_one_pending", table_name="classifications")
    op.drop_index("ix_classifications_report_due", table_name="classifications")
    op.drop_index("ix_classifications_pending", table_name="classifications")

    op.drop_table("classifications")
    op.drop_index("uq_instances_first_of_uid", table_name="instances")
    op.drop_index("ix_instances_study_instance_uid", table_name="instances")
    op.drop_index("ix_instances_sha256", table_name="instances")
    op.drop_index("ix_instances_received_at", table_name="instances")

    op.drop_table("instances")
    op.drop_index("ix_events_study_instance_uid", table_name="events")
    op.drop_index("ix_events_sop_instance_uid", table_name="events")

    op.drop_table("events")
    op.drop_index("uq_bundles_active", table_name="bundles")

    op.drop_table("bundles")
    op.drop_index("ix_associations_opened_at", table_name="associations")

    op.drop_table("associations")
