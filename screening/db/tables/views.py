"""The SQL views that the program reads, as selectables. Their SQL is in `alembic/versions`.

`instance_results`: the one result that stands for each instance. A newer bundle's score replaces
an older one; a failed re-run never hides a score. `computed_studies` and `computed_figures`: what
the rows of `studies` must be; costly but for a few studies. The view `worklist`, one row a study,
is for a RIS to read: ORDER BY rank, priority_score DESC, received_at gives the reading order.
"""

from sqlalchemy import Column, Integer, MetaData, String, Table

from screening.db.tables.columns import BigKey, UtcDateTime
from screening.db.tables.studies import Study

PENDING = "pending"
"""The state, in `instance_results`, of an instance without a final one."""
_views = MetaData()

instance_results = Table(
    "instance_results",
    _views,
    Column("instance_id", BigKey),
    Column("state", String),
    Column("classification_id", BigKey),
    Column("received_at", UtcDateTime),
)

computed_studies = Table(
    "computed_studies",
    _views,
    *(
        Column(column.name, column.type)
        for column in Study.__table__.columns
        if column.name != "figures"
    ),
)

computed_figures = Table(
    "computed_figures",
    _views,
    Column("study_instance_uid", String),
    Column("kind", String),
    Column("state", String),
    Column("subject", String),
    Column("count", Integer),
)
