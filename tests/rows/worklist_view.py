"""The view that a RIS reads, as its reader sees it."""

from sqlalchemy import Column, Double, Integer, MetaData, String, Table

from screening.db.tables.columns import UtcDateTime

worklist = Table(
    "worklist",
    MetaData(),
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
    Column("reading", String),
    Column("reader", String),
    Column("reading_since", UtcDateTime),
    Column("returned", Integer),
)
