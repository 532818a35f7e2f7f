"""A row a study and standing totals, filled from what is there; indexes for claims at any size."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
INSTANCE_COLUMNS = {
    "patient_birth_date": 16,
    "patient_sex": 16,
    "patient_age": 16,
    "study_description": 64,
}
OLD_INDEXES = {
    "ix_classifications_pending": ("classifications", ["lane", "id"],
                                   "state IN ('received', 'claimed')"),
    "ix_classifications_report_due": ("classifications", ["id"], "report_state = 'due'"),
    "ix_deliveries_open": ("deliveries", ["destination", "id"],
                           "state IN ('pending', 'sending')"),
}  # fmt: skip
INDEXES = {
    "ix_classifications_ready": ("classifications", ["lane", "id"],
                                 "state = 'received' AND not_before IS NULL"),
    "ix_classifications_waiting": ("classifications", ["lane", "not_before"],
                                   "state = 'received' AND not_before IS NOT NULL"),
    "ix_classifications_claimed": ("classifications", ["lease_expires_at"], "state = 'claimed'"),
    "ix_classifications_report_ready": ("classifications", ["id"],
                                        "report_state = 'due' AND report_not_before IS NULL"),
    "ix_classifications_report_waiting": ("classifications", ["report_not_before"],
                                          "report_state = 'due' AND report_not_before IS NOT NULL"),
    "ix_classifications_report_failed": ("classifications", ["id"], "report_state = 'failed'"),
    "ix_deliveries_ready": ("deliveries", ["destination", "id"],
                            "state = 'pending' AND not_before IS NULL"),
    "ix_deliveries_waiting": ("deliveries", ["destination", "not_before"],
                              "state = 'pending' AND not_before IS NOT NULL"),
    "ix_deliveries_least_tried": ("deliveries", ["destination", "attempts", "id"],
                                  "state = 'pending'"),
    "ix_deliveries_sending": ("deliveries", ["destination", "lease_expires_at"],
                              "state = 'sending'"),
    "ix_deliveries_resting": ("deliveries", ["destination", "id"],
                              "state IN ('parked', 'given_up')"),
    "ix_studies_oldest_pending": ("studies", ["oldest_pending_at"],
                                  "oldest_pending_at IS NOT NULL"),
    "ix_studies_reading_order": ("studies", ["rank", "score_order", "received_at",
                                             "study_instance_uid"], None),
    "ix_instances_patient_id": ("instances", ["patient_id"], None),
    "ix_instances_accession_number": ("instances", ["accession_number"], None),
    "ix_commitment_requests_requested_at": ("commitment_requests", ["requested_at"], None),
}  # fmt: skip

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

# What each row of `studies` must be but for its figures. A study with an image that has no score
# yet, or whose scoring failed, is ordered between MEDIUM and LOW: unknown is never read as
# unsuspicious. All demographic values are of one instance.
COMPUTED_STUDIES = """
CREATE VIEW computed_studies AS
SELECT s.study_instance_uid, d.patient_id, d.patient_name, d.patient_birth_date, d.patient_sex,
       d.patient_age, d.accession_number, d.study_date, d.study_time, d.study_description,
       d.modality, d.calling_ae_title, s.demographics_instance_id, s.demographics_differ,
       s.instances, s.pending, s.failed, s.not_applicable, s.classified,
       CASE WHEN t.priority IN ('STAT', 'HIGH', 'MEDIUM') THEN t.priority
            WHEN s.pending + s.failed > 0 THEN 'UNSCORED'
            WHEN t.priority = 'LOW' THEN 'LOW' ELSE 'NOT SCREENED' END AS priority,
       CASE WHEN t.priority = 'STAT' THEN 0 WHEN t.priority = 'HIGH' THEN 1
            WHEN t.priority = 'MEDIUM' THEN 2
            WHEN s.pending + s.failed > 0 THEN 3
            WHEN t.priority = 'LOW' THEN 4 ELSE 5 END AS rank,
       t.priority_rule, t.priority_score, COALESCE(-t.priority_score, 1.0) AS score_order,
       s.covid19, s.pneumonia, s.normal, s.untrained, s.received_at, s.finished_at,
       s.oldest_pending_at,
       COALESCE((
           SELECT CASE MIN(
               CASE c.report_state WHEN 'failed' THEN 0 WHEN 'due' THEN 2 WHEN 'none' THEN 7
               ELSE CASE v.state WHEN 'parked' THEN 1 WHEN 'pending' THEN 3 WHEN 'sending' THEN 3
                                 WHEN 'delivered' THEN 4 WHEN 'given_up' THEN 5 ELSE 6 END END)
               WHEN 0 THEN 'failed' WHEN 1 THEN 'parked' WHEN 2 THEN 'due' WHEN 3 THEN 'sending'
               WHEN 4 THEN 'delivered' WHEN 5 THEN 'given up' WHEN 6 THEN 'made' ELSE 'none' END
           FROM instances i
           JOIN instance_results r ON r.instance_id = i.id
           JOIN classifications c ON c.id = r.classification_id
           LEFT JOIN reports p ON p.classification_id = c.id
           LEFT JOIN deliveries v ON v.report_id = p.id
           WHERE i.study_instance_uid = s.study_instance_uid), 'none') AS report
FROM (
    SELECT i.study_instance_uid,
           MAX(CASE WHEN NOT i.conflicting THEN i.id END) AS demographics_instance_id,
           MAX(i.id) AS newest_instance_id,
           CASE WHEN MIN(i.patient_id) <> MAX(i.patient_id)
                  OR MIN(i.patient_name) <> MAX(i.patient_name)
                  OR MIN(i.patient_birth_date) <> MAX(i.patient_birth_date)
                  OR MIN(i.patient_sex) <> MAX(i.patient_sex)
                  OR MIN(i.accession_number) <> MAX(i.accession_number)
                THEN TRUE ELSE FALSE END AS demographics_differ,
           COUNT(*) AS instances,
           SUM(CASE WHEN r.state = 'pending' THEN 1 ELSE 0 END) AS pending,
           SUM(CASE WHEN r.state = 'failed' THEN 1 ELSE 0 END) AS failed,
           SUM(CASE WHEN r.state = 'not_applicable' THEN 1 ELSE 0 END) AS not_applicable,
           SUM(CASE WHEN r.state = 'classified' THEN 1 ELSE 0 END) AS classified,
           MAX(CASE WHEN r.state = 'classified' THEN c.covid19 END) AS covid19,
           MAX(CASE WHEN r.state = 'classified' THEN c.pneumonia END) AS pneumonia,
           MIN(CASE WHEN r.state = 'classified' THEN c.normal END) AS normal,
           MAX(CASE WHEN r.state = 'classified' AND NOT b.trained THEN 1 ELSE 0 END) = 1
               AS untrained,
           MIN(i.received_at) AS received_at, MAX(c.finished_at) AS finished_at,
           MIN(CASE WHEN r.state = 'pending' THEN i.received_at END) AS oldest_pending_at
    FROM instances i
    JOIN instance_results r ON r.instance_id = i.id
    LEFT JOIN classifications c ON c.id = r.classification_id
    LEFT JOIN bundles b ON b.id = c.bundle_id
    GROUP BY i.study_instance_uid
) s
JOIN instances d ON d.id = COALESCE(s.demographics_instance_id, s.newest_instance_id)
LEFT JOIN classifications t ON t.id = (
    SELECT c.id
    FROM instances i
    JOIN instance_results r ON r.instance_id = i.id
    JOIN classifications c ON c.id = r.classification_id
    WHERE i.study_instance_uid = s.study_instance_uid AND r.state = 'classified'
    ORDER BY CASE c.priority WHEN 'STAT' THEN 0 WHEN 'HIGH' THEN 1 WHEN 'MEDIUM' THEN 2 ELSE 4 END,
             c.priority_score DESC, c.id
    LIMIT 1)
"""

# What each study adds to the totals beside its counts.
COMPUTED_FIGURES = """
CREATE VIEW computed_figures AS
SELECT i.study_instance_uid, 'reasons' AS kind, r.state AS state,
       COALESCE(c.reason, '') AS subject, COUNT(*) AS count
FROM instances i
JOIN instance_results r ON r.instance_id = i.id
JOIN classifications c ON c.id = r.classification_id
WHERE r.state IN ('not_applicable', 'failed')
GROUP BY i.study_instance_uid, r.state, COALESCE(c.reason, '')
UNION ALL
SELECT i.study_instance_uid, 'backfill', 'pending', '', COUNT(*)
FROM instances i
JOIN classifications c ON c.instance_id = i.id
WHERE c.lane = 'backfill' AND c.state IN ('received', 'claimed')
GROUP BY i.study_instance_uid
UNION ALL
SELECT i.study_instance_uid, 'deliveries', v.state, v.destination, COUNT(*)
FROM instances i
JOIN classifications c ON c.instance_id = i.id
JOIN reports p ON p.classification_id = c.id
JOIN deliveries v ON v.report_id = p.id
GROUP BY i.study_instance_uid, v.state, v.destination
UNION ALL
SELECT i.study_instance_uid, 'commitments', m.state, v.destination, COUNT(*)
FROM instances i
JOIN classifications c ON c.instance_id = i.id
JOIN reports p ON p.classification_id = c.id
JOIN deliveries v ON v.report_id = p.id
JOIN commitments m ON m.delivery_id = v.id
GROUP BY i.study_instance_uid, m.state, v.destination
UNION ALL
SELECT i.study_instance_uid, 'removed', '', '', COUNT(*)
FROM instances i
WHERE i.removed_at IS NOT NULL
GROUP BY i.study_instance_uid
"""

WORKLIST = """
CREATE VIEW worklist AS
SELECT study_instance_uid, patient_id, patient_name, patient_birth_date, patient_sex, patient_age,
       accession_number, study_date, study_time, study_description, modality, calling_ae_title,
       CASE WHEN demographics_differ THEN 1 ELSE 0 END AS demographics_differ,
       instances, pending, failed, not_applicable, classified, priority, rank, priority_rule,
       priority_score, covid19, pneumonia, normal,
       CASE WHEN untrained THEN 1 ELSE 0 END AS untrained, received_at, finished_at, report
FROM studies
"""

# The worklist before this revision.
OLD_WORKLIST = """
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

# Which class a rule looked at is in its words; where none applied, the likelier disease counts.
FILL_PRIORITY_SCORES = """
UPDATE classifications SET priority_score = CASE
    WHEN priority_rule LIKE 'COVID-19 %' THEN covid19
    WHEN priority_rule LIKE 'Pneumonia %' THEN pneumonia
    WHEN priority_rule LIKE 'Normal %' THEN normal
    WHEN covid19 > pneumonia THEN covid19 ELSE pneumonia END
WHERE priority IS NOT NULL
"""
GATHER_FIGURES = """
CREATE TEMPORARY TABLE gathered_figures AS
SELECT study_instance_uid AS uid, {figures} AS figures
FROM computed_figures GROUP BY study_instance_uid
"""
FILL_STUDIES = """
INSERT INTO studies ({columns}, figures)
SELECT {columns}, COALESCE(f.figures, '[]')
FROM computed_studies c
LEFT JOIN gathered_figures f ON f.uid = c.study_instance_uid
"""
FIGURES_AS_JSON = {
    "sqlite": "json_group_array(json_array(kind, state, subject, count))",
    "postgresql": "json_agg(json_build_array(kind, state, subject, count))",
}
FILL_TOTALS = """
INSERT INTO totals (kind, state, subject, slot, count)
SELECT 'received', '', '', 0, COUNT(*) FROM instances
UNION ALL
SELECT 'instances', state, '', 0, COUNT(*) FROM instance_results GROUP BY state
UNION ALL
SELECT kind, state, subject, 0, SUM(count) FROM computed_figures GROUP BY kind, state, subject
UNION ALL
SELECT 'commitment_requests', state, calling_ae_title, 0, COUNT(*)
FROM commitment_requests GROUP BY state, calling_ae_title
"""


def upgrade() -> None:
    op.execute("DROP VIEW worklist")
    op.execute("DROP VIEW instance_results")
    for name, length in INSTANCE_COLUMNS.items():
        op.add_column("instances", sa.Column(name, sa.String(length), nullable=True))
    op.add_column("classifications", sa.Column("priority_score", sa.Double(), nullable=True))
    _create_tables()
    for name, (table, _, _) in OLD_INDEXES.items():
        op.drop_index(name, table_name=table)
    for name, columns in INDEXES.items():
        _create_index(name, *columns)
    for view in (INSTANCE_RESULTS, COMPUTED_STUDIES, COMPUTED_FIGURES, WORKLIST):
        op.execute(view)
    op.execute(FILL_PRIORITY_SCORES)
    _analyze()  # what follows reads everything once: a plan for few rows would take for ever
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("studies")]
    columns.remove("figures")
    figures = FIGURES_AS_JSON[op.get_bind().dialect.name]
    op.execute(GATHER_FIGURES.format(figures=figures))
    op.execute("CREATE UNIQUE INDEX ix_gathered_figures ON gathered_figures (uid)")
    _analyze()
    op.execute(FILL_STUDIES.format(columns=", ".join(columns)))
    op.execute("DROP TABLE gathered_figures")
    op.execute(FILL_TOTALS)
    _analyze()  # or nothing is known of the new tables until autovacuum comes by


def downgrade() -> None:
    for view in ("worklist", "computed_figures", "computed_studies", "instance_results"):
        op.execute(f"DROP VIEW {view}")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
    for name, columns in OLD_INDEXES.items():
        _create_index(name, *columns)
    op.drop_table("totals")
    op.drop_table("studies")
    op.drop_column("classifications", "priority_score")
    for name in INSTANCE_COLUMNS:
        op.drop_column("instances", name)
    op.execute(INSTANCE_RESULTS)
    op.execute(OLD_WORKLIST)


def _analyze() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ANALYZE")


def _create_index(name: str, table: str, columns: list[str], where: str | None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _create_tables() -> None:
    op.create_table(
        "studies",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("patient_id", sa.String(64), nullable=False),
        sa.Column("patient_name", sa.String(324), nullable=False),
        sa.Column("patient_birth_date", sa.String(16), nullable=True),
        sa.Column("patient_sex", sa.String(16), nullable=True),
        sa.Column("patient_age", sa.String(16), nullable=True),
        sa.Column("accession_number", sa.String(64), nullable=False),
        sa.Column("study_date", sa.String(16), nullable=False),
        sa.Column("study_time", sa.String(16), nullable=False),
        sa.Column("study_description", sa.String(64), nullable=True),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("calling_ae_title", sa.String(16), nullable=False),
        sa.Column("demographics_instance_id", KEY, nullable=True),
        sa.Column("demographics_differ", sa.Boolean(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.Column("classified", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("priority_rule", sa.String(128), nullable=True),
        sa.Column("priority_score", sa.Double(), nullable=True),
        sa.Column("score_order", sa.Double(), nullable=False),
        sa.Column("covid19", sa.Double(), nullable=True),
        sa.Column("pneumonia", sa.Double(), nullable=True),
        sa.Column("normal", sa.Double(), nullable=True),
        sa.Column("untrained", sa.Boolean(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("oldest_pending_at", TIME, nullable=True),
        sa.Column("report", sa.String(16), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid"),
    )
    op.create_table(
        "totals",
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "state", "subject", "slot"),
    )
