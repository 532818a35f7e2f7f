"""Who reads which study, and what they found; studies that are read leave the reading order."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
NAME = sa.String(length=255)
CLAIMED = sa.text("state = 'claimed'")
IS_READ = sa.text("state = 'read'")
ON_THE_LIST = sa.text("reading <> 'read'")
OFF_THE_LIST = sa.text("reading = 'read'")
READING_ORDER = ["rank", "score_order", "received_at", "study_instance_uid"]

# The newest reading of a study says how it is read. A claim holds the most urgent place that the
# study had since: STAT, HIGH and MEDIUM are not lost by a newer result until it is read.
HOLDS = (
    "n.state IN ('claimed', 'released') AND n.held_rank <= 2 AND (n.held_rank < s.rank "
    "OR (n.held_rank = s.rank AND COALESCE(-n.held_score, 1.0) < s.score_order))"
)
COVERS = (
    "n.state = 'read' AND s.demographics_instance_id <= n.newest_instance_id AND "
    "(SELECT COUNT(*) FROM instances i WHERE i.study_instance_uid = s.study_instance_uid "
    "AND NOT i.conflicting) <= n.images"
)
COMPUTED_STUDIES = """
SELECT s.study_instance_uid, s.patient_id, s.patient_name, s.patient_birth_date, s.patient_sex,
       s.patient_age, s.accession_number, s.study_date, s.study_time, s.study_description,
       s.modality, s.calling_ae_title, s.demographics_instance_id, s.demographics_differ,
       s.instances, s.pending, s.failed, s.not_applicable, s.classified,
       CASE WHEN {holds} THEN n.held_priority ELSE s.priority END AS priority,
       CASE WHEN {holds} THEN n.held_rank ELSE s.rank END AS rank,
       CASE WHEN {holds} THEN n.held_rule ELSE s.priority_rule END AS priority_rule,
       CASE WHEN {holds} THEN n.held_score ELSE s.priority_score END AS priority_score,
       CASE WHEN {holds} THEN COALESCE(-n.held_score, 1.0) ELSE s.score_order END AS score_order,
       s.covid19, s.pneumonia, s.normal, s.untrained, s.received_at, s.finished_at,
       s.oldest_pending_at, s.report,
       CASE WHEN n.state = 'claimed' THEN 'claimed' WHEN {covers} THEN 'read' ELSE 'unread' END
           AS reading,
       CASE WHEN n.state = 'claimed' THEN n.claimed_by WHEN {covers} THEN n.read_by END AS reader,
       CASE WHEN n.state = 'claimed' THEN n.claimed_at WHEN {covers} THEN n.read_at END
           AS reading_since,
       CASE WHEN {covers} THEN FALSE
            WHEN EXISTS (SELECT 1 FROM readings e WHERE e.study_instance_uid = s.study_instance_uid
                         AND e.state = 'read') THEN TRUE ELSE FALSE END AS returned,
       CASE WHEN n.state IN ('claimed', 'released') THEN n.held_rank END AS held_rank
FROM ({before}) s
LEFT JOIN readings n ON n.id = (
    SELECT MAX(l.id) FROM readings l WHERE l.study_instance_uid = s.study_instance_uid)
"""

# What readers found, of each study the newest word, with what it was called and by which bundle.
COMPUTED_FEEDBACK = """
UNION ALL
SELECT f.study_instance_uid, 'feedback', f.label,
       CASE WHEN f.bundle_id IS NULL THEN 'unscored' ELSE COALESCE(f.called, 'none') END
       || ' ' || CAST(COALESCE(f.bundle_id, 0) AS VARCHAR), COUNT(*)
FROM feedback f
WHERE f.id = (SELECT MAX(g.id) FROM feedback g WHERE g.study_instance_uid = f.study_instance_uid)
GROUP BY f.study_instance_uid, f.label,
         CASE WHEN f.bundle_id IS NULL THEN 'unscored' ELSE COALESCE(f.called, 'none') END
         || ' ' || CAST(COALESCE(f.bundle_id, 0) AS VARCHAR)
"""


VIEWS = ("worklist", "computed_figures", "computed_studies", "instance_results")
"""In the order in which they are dropped: each reads those behind it."""


def upgrade() -> None:
    _drop_views()
    _create_tables()
    for column in _study_columns():
        op.add_column("studies", column)
    op.drop_index("ix_studies_reading_order", table_name="studies")
    _create_index("ix_studies_reading_order", READING_ORDER, ON_THE_LIST)
    _create_index("ix_studies_arrival", ["received_at", "study_instance_uid"], ON_THE_LIST)
    _create_index("ix_studies_read", ["reading_since", "study_instance_uid"], OFF_THE_LIST)
    for view in views():
        op.execute(view)


def downgrade() -> None:
    readings = op.get_bind().execute(sa.text("SELECT COUNT(*) FROM readings"))
    if readings.scalar_one():
        raise RuntimeError(
            "expected no study that a reader has claimed, found some, which the older schema "
            "cannot hold; go back to a backup from before the upgrade"
        )
    _drop_views()
    for name in ("ix_studies_read", "ix_studies_arrival", "ix_studies_reading_order"):
        op.drop_index(name, table_name="studies")
    op.create_index("ix_studies_reading_order", "studies", READING_ORDER)
    for column in reversed(_study_columns()):
        op.drop_column("studies", column.name)
    op.drop_table("feedback")
    op.drop_table("readings")
    for view in _views_before():
        op.execute(view)


def views() -> tuple[str, ...]:
    """Return the statements that create the views, in their order."""
    results, studies, figures, worklist = _views_before()
    head = "CREATE VIEW computed_studies AS\n"
    before = studies.strip().removeprefix(head.strip())
    return (
        results,
        head + COMPUTED_STUDIES.format(holds=HOLDS, covers=COVERS, before=before),
        figures.rstrip() + COMPUTED_FEEDBACK,
        worklist.replace(
            "finished_at, report\n",
            "finished_at, report, reading, reader,\n       reading_since,\n"
            "       CASE WHEN returned THEN 1 ELSE 0 END AS returned\n",
        ),
    )


def _views_before() -> tuple[str, ...]:
    """Return the views of the revision before, each after those that it reads."""
    scripts = op.get_context().opts["script"]
    last, first = (scripts.get_revision(name).module for name in ("0005", "0004"))
    studies = last.DEMOGRAPHIC.sub(last.UNDECIDED, first.COMPUTED_STUDIES)
    return (
        last.INSTANCE_RESULTS,
        studies.replace(last.REPORTS, last.NEWEST_REPORTS),
        first.COMPUTED_FIGURES,
        first.WORKLIST,
    )


def _drop_views() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")


def _create_index(name: str, columns: list[str], where: Any) -> None:
    op.create_index(name, "studies", columns, sqlite_where=where, postgresql_where=where)


def _study_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("reading", sa.String(length=16), server_default="unread", nullable=False),
        sa.Column("reader", NAME, nullable=True),
        sa.Column("reading_since", TIME, nullable=True),
        sa.Column("returned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("held_rank", sa.Integer(), nullable=True),
    ]


def _create_tables() -> None:
    op.create_table(
        "readings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="claimed", nullable=False),
        sa.Column("claimed_by", NAME, nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("read_by", NAME, nullable=True),
        sa.Column("read_at", TIME, nullable=True),
        sa.Column("newest_instance_id", KEY, nullable=True),
        sa.Column("images", sa.Integer(), nullable=True),
        sa.Column("released_by", NAME, nullable=True),
        sa.Column("released_at", TIME, nullable=True),
        sa.Column("held_priority", sa.String(length=16), nullable=False),
        sa.Column("held_rank", sa.Integer(), nullable=False),
        sa.Column("held_rule", sa.String(length=128), nullable=True),
        sa.Column("held_score", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_readings_study", "readings", ["study_instance_uid", "id"])
    for name, columns, where, unique in (
        ("uq_readings_claimed", ["study_instance_uid"], CLAIMED, True),
        ("ix_readings_read", ["read_at"], IS_READ, False),
    ):
        op.create_index(
            name, "readings", columns, unique=unique, sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "feedback",
        sa.Column("id", KEY, nullable=False),
        sa.Column("reading_id", KEY, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("classification_id", KEY, nullable=True),
        sa.Column("bundle_id", KEY, nullable=True),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("called", sa.String(length=16), nullable=True),
        sa.Column("given_by", NAME, nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["reading_id"], ["readings.id"]),
        sa.ForeignKeyConstraint(["classification_id"], ["classifications.id"]),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundles.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_feedback_study", "feedback", ["study_instance_uid", "id"])
    op.create_index("ix_feedback_given_at", "feedback", ["given_at", "id"])
