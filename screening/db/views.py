"""The SQL views, as selectables. Their SQL is in `alembic/versions`.

`instance_results`: the one result that stands for each instance. A newer bundle's score replaces
an older one; a failed re-run never hides a score. `worklist`: one row a study, for a RIS to read;
ORDER BY rank, priority_score DESC, received_at gives the reading order. A study with an image that
has no score yet, or whose scoring failed, is ordered between MEDIUM and LOW.
`computed_studies` and `computed_figures`: what the rows of `studies` must be; costly but for a few
studies.
"""

from sqlalchemy import Column, Double, Integer, MetaData, String, Table

from screening.db.columns import BigKey, UtcDateTime
from screening.db.study_tables import Study

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

worklist = Table(
    "worklist",
    _views,
    Column("study_instance_uid", String),
    Column("patient_id", String),
    Column("patient_name", String),
    Column("patient_birth_date", String),
    Column("patient_sex", String),
    Column("patient_age", String),
    Column("accession_number", String),
    Column("study_date", String),
    Column("study_time", String),
    Column("study_description", String),
    Column("modality", String),
    Column("calling_ae_title", String),
    Column("demographics_differ", Integer),
    Column("instances", Integer),
    Column("pending", Integer),
    Column("failed", Integer),
    Column("not_applicable", Integer),
    Column("classified", Integer),
    Column("priority", String),
    Column("rank", Integer),
    Column("priority_rule", String),
    Column("priority_score", Double),
    Column("covid19", Double),
    Column("pneumonia", Double),
    Column("normal", Double),
    Column("untrained", Integer),
    Column("received_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("report", String),
)
