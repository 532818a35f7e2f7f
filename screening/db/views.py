"""The SQL views, as selectables. Their SQL is in `alembic/versions`.

`instance_results`: the one result that stands for each instance. A newer bundle's score replaces
an older one; a failed re-run never hides a score. `worklist`: one row a study, for a RIS to read;
ORDER BY rank, covid19 DESC, received_at gives the reading order. A study with an image that has no
score yet, or whose scoring failed, is ordered between MEDIUM and LOW.
"""

from sqlalchemy import Column, Double, Integer, MetaData, String, Table

from screening.db.columns import BigKey, UtcDateTime

_views = MetaData()

instance_results = Table(
    "instance_results",
    _views,
    Column("instance_id", BigKey),
    Column("state", String),
    Column("classification_id", BigKey),
    Column("received_at", UtcDateTime),
)

worklist = Table(
    "worklist",
    _views,
    Column("study_instance_uid", String),
    Column("patient_id", String),
    Column("patient_name", String),
    Column("accession_number", String),
    Column("study_date", String),
    Column("study_time", String),
    Column("modality", String),
    Column("instances", Integer),
    Column("pending", Integer),
    Column("failed", Integer),
    Column("not_applicable", Integer),
    Column("classified", Integer),
    Column("priority", String),
    Column("rank", Integer),
    Column("covid19", Double),
    Column("pneumonia", Double),
    Column("normal", Double),
    Column("untrained", Integer),
    Column("received_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
)
