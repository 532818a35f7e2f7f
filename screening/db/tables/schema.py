"""Every table of the database, for whoever builds or empties it."""

from sqlalchemy import MetaData

from screening.db.tables import (
    breakers,
    calibrations,
    commitment_scp,
    commitment_scu,
    decisions,
    heat_maps,
    instances,
    procedure_steps,
    readings,
    studies,
    tokens,
)
from screening.db.tables.columns import Base

MODULES = (
    instances,
    breakers,
    calibrations,
    commitment_scp,
    commitment_scu,
    decisions,
    heat_maps,
    procedure_steps,
    readings,
    studies,
    tokens,
)
"""Importing them registers their tables."""


def metadata() -> MetaData:
    """Return the tables, complete."""
    return Base.metadata
