"""The result that stands is a mark on its row; activations and corrections are rows."""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
STANDS = sa.text("stands_since IS NOT NULL")
PASSED_OVER = sa.text("state IN ('classified', 'not_applicable') AND stands_since IS NULL")
WAITING = sa.text("state = 'waiting'")
REPORT_READY = sa.text("report_state = 'due' AND report_not_before IS NULL")
DELIVERY_READY = sa.text("state = 'pending' AND not_before IS NULL")
VIEWS = ("worklist", "computed_figures", "computed_studies", "instance_results")
"""In the order in which they are dropped: each reads those behind it."""

# What stood before: the best state, then the newest.
STANDING_BEFORE = """
UPDATE classifications SET stands_since = finished_at
WHERE state IN ('classified', 'not_applicable', 'failed') AND id = (
    SELECT x.id FROM classifications x
    WHERE x.instance_id = classifications.instance_id
      AND x.state IN ('classified', 'not_applicable', 'failed')
    ORDER BY CASE x.state WHEN 'classified' THEN 0 WHEN 'not_applicable' THEN 1 ELSE 2 END,
             x.finished_at DESC, x.id DESC
    LIMIT 1)
"""
# A report that is due for a result that no longer stands would be told after the one that does.
OVERTAKEN_REPORTS = """
UPDATE classifications SET report_state = 'none', report_error = NULL
WHERE report_state IN ('due', 'failed') AND stands_since IS NULL
"""
INSTANCE_RESULTS = """
CREATE VIEW instance_results AS
SELECT i.id AS instance_id, COALESCE(c.state, 'pending') AS state, c.id AS classification_id,
       i.received_at AS received_at
FROM instances i
LEFT JOIN classifications c ON c.instance_id = i.id AND c.stands_since IS NOT NULL
"""
# A study's demographics do not differ by what somebody has decided about, or by what says the same.
DEMOGRAPHIC = re.compile(r"(MIN|MAX)\(i\.(patient_\w+|accession_number)\)")
UNDECIDED = (
    r"\1(CASE WHEN c.reason IN ('corrected', 'correction_rejected', 'repeated_picture') "
    r"THEN NULL ELSE i.\2 END)"
)
# Of a report that was issued again the newest counts.
REPORTS = "LEFT JOIN reports p ON p.classification_id = c.id"
NEWEST_REPORTS = f"{REPORTS} AND p.revision = c.report_revision"


def upgrade() -> None:
    _drop_views()
    op.add_column("classifications", sa.Column("stands_since", TIME, nullable=True))
    op.add_column(
        "classifications",
        sa.Column("report_revision", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "classifications",
        sa.Column("report_lane", sa.String(length=16), server_default="live", nullable=False),
    )
    op.add_column(
        "deliveries",
        sa.Column("lane", sa.String(length=16), server_default="live", nullable=False),
    )
    op.add_column("instances", sa.Column("identification", sa.JSON(), nullable=True))
    _number_reports(("classification_id", "profile", "revision"))
    op.execute(STANDING_BEFORE)
    op.execute(OVERTAKEN_REPORTS)
    op.create_index(
        "uq_classifications_standing",
        "classifications",
        ["instance_id"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )
    op.create_index(
        "ix_classifications_passed_over",
        "classifications",
        ["bundle_id", "id"],
        sqlite_where=PASSED_OVER,
        postgresql_where=PASSED_OVER,
    )
    _replace_indexes(("report_lane", "id"), ("destination", "lane", "id"))
    _create_decisions()
    _remember_activations()
    before = _before()
    studies = DEMOGRAPHIC.sub(UNDECIDED, before.COMPUTED_STUDIES)
    for view in (
        INSTANCE_RESULTS,
        studies.replace(REPORTS, NEWEST_REPORTS),
        before.COMPUTED_FIGURES,
        before.WORKLIST,
    ):
        op.execute(view)


def downgrade() -> None:
    issued_again = op.get_bind().execute(sa.text("SELECT COUNT(*) FROM reports WHERE revision > 0"))
    if issued_again.scalar_one():
        raise RuntimeError(
            "expected no report that was issued again, found some, which the older schema cannot "
            "hold; go back to a backup from before the upgrade"
        )
    _drop_views()
    op.drop_table("corrections")
    op.drop_table("bundle_activations")
    _replace_indexes(("id",), ("destination", "id"))
    op.drop_index("ix_classifications_passed_over", table_name="classifications")
    op.drop_index("uq_classifications_standing", table_name="classifications")
    _number_reports(("classification_id", "profile"))
    op.drop_column("instances", "identification")
    op.drop_column("deliveries", "lane")
    for name in ("report_lane", "report_revision", "stands_since"):
        op.drop_column("classifications", name)
    before = _before()
    for view in (
        before.INSTANCE_RESULTS,
        before.COMPUTED_STUDIES,
        before.COMPUTED_FIGURES,
        before.WORKLIST,
    ):
        op.execute(view)


def _before() -> Any:
    """Return the revision before, whose views these are but for what is changed here."""
    return op.get_context().opts["script"].get_revision(down_revision).module


def _drop_views() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")


def _number_reports(columns: tuple[str, ...]) -> None:
    """Have a result's report be unique by these columns."""
    name = "uq_reports_classification_profile"
    with op.batch_alter_table("reports") as reports:
        reports.drop_constraint(name, type_="unique")
        if "revision" in columns:
            reports.add_column(
                sa.Column("revision", sa.Integer(), server_default="0", nullable=False)
            )
        else:
            reports.drop_column("revision")
        reports.create_unique_constraint(name, list(columns))


def _replace_indexes(report_ready: tuple[str, ...], delivery_ready: tuple[str, ...]) -> None:
    """Have live reports and deliveries be found before those that were issued again."""
    for name, table, columns, where in (
        ("ix_classifications_report_ready", "classifications", report_ready, REPORT_READY),
        ("ix_deliveries_ready", "deliveries", delivery_ready, DELIVERY_READY),
    ):
        op.drop_index(name, table_name=table)
        op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def _create_decisions() -> None:
    op.create_table(
        "bundle_activations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("bundle_id", KEY, nullable=False),
        sa.Column("activated_at", TIME, nullable=False),
        sa.Column("activated_by", sa.String(length=64), nullable=False),
        sa.Column("returns_to_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundles.id"]),
        sa.ForeignKeyConstraint(["returns_to_id"], ["bundle_activations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "corrections",
        sa.Column("id", KEY, nullable=False),
        sa.Column("instance_id", KEY, nullable=False),
        sa.Column("state", sa.String(length=16), server_default="waiting", nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("instance_id"),
    )
    op.create_index(
        "ix_corrections_waiting",
        "corrections",
        ["id"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def _remember_activations() -> None:
    """Take the history from the audit trail; an active bundle without one was the first."""
    bundles = sa.table(
        "bundles",
        *(sa.column(name) for name in ("id", "digest", "role")),
        sa.column("registered_at", TIME),
    )
    events = sa.table(
        "events",
        *(sa.column(name) for name in ("id", "kind")),
        sa.column("at", TIME),
        sa.column("detail", sa.JSON()),
    )
    activations = sa.table(
        "bundle_activations",
        *(sa.column(name) for name in ("id", "bundle_id", "activated_by", "returns_to_id")),
        sa.column("activated_at", TIME),
    )
    connection = op.get_bind()
    known = connection.execute(sa.select(bundles)).all()
    by_digest = {row.digest: row.id for row in known}
    told = connection.execute(
        sa.select(events.c.at, events.c.detail)
        .where(events.c.kind == "bundle_activated")
        .order_by(events.c.id)
    ).all()
    steps = [(by_digest.get(row.detail.get("digest")), row.at) for row in told]
    active = next((row for row in known if row.role == "active"), None)
    if active is not None and (not steps or steps[-1][0] != active.id):
        steps.append((active.id, active.registered_at))
    number, last_bundle_id = 0, None
    for bundle_id, at in steps:
        if bundle_id is None or bundle_id == last_bundle_id:
            continue
        connection.execute(
            sa.insert(activations).values(
                id=number + 1,
                bundle_id=bundle_id,
                activated_at=at,
                activated_by="unknown",
                returns_to_id=number or None,
            )
        )
        number, last_bundle_id = number + 1, bundle_id
    if number and connection.dialect.name == "postgresql":
        sequence = "pg_get_serial_sequence('bundle_activations', 'id')"
        connection.execute(sa.text(f"SELECT setval({sequence}, {number})"))
