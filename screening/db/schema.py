"""Every table of the database, for whoever builds or empties it."""

from sqlalchemy import MetaData

from screening.db import (
    breaker_tables,
    calibration_tables,
    commitment_scp_tables,
    commitment_scu_tables,
    decision_tables,
    reading_tables,
    study_tables,
    tables,
)
from screening.db.columns import Base

MODULES = (
    tables,
    breaker_tables,
    calibration_tables,
    commitment_scp_tables,
    commitment_scu_tables,
    decision_tables,
    reading_tables,
    study_tables,
)
"""Importing them registers their tables."""


def metadata() -> MetaData:
    """Return the tables, complete."""
    return Base.metadata
