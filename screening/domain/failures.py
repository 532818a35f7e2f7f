"""Why work on an image fails, and what happens then, as a literal table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FailureReason(StrEnum):
    """Why a classification failed."""

    UNREADABLE_DATA_SET = "unreadable_data_set"
    UNDECODABLE_PIXELS = "undecodable_pixels"
    SPOOL_FILE_MISSING = "spool_file_missing"
    SPOOL_FILE_DAMAGED = "spool_file_damaged"
    WORKER_LOST = "worker_lost"
    OUT_OF_MEMORY = "out_of_memory"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """retry: try again up to MAX_ATTEMPTS; object_at_fault: bad input, not our failure."""

    retry: bool
    object_at_fault: bool
    meaning: str


FAILURE_POLICIES: Mapping[FailureReason, FailurePolicy] = {
    FailureReason.UNREADABLE_DATA_SET: FailurePolicy(False, True, "the data set cannot be parsed"),
    FailureReason.UNDECODABLE_PIXELS: FailurePolicy(False, True, "the pixels cannot be decoded"),
    FailureReason.SPOOL_FILE_MISSING: FailurePolicy(True, False, "the spooled file is missing"),
    FailureReason.SPOOL_FILE_DAMAGED: FailurePolicy(
        False, False, "the spooled file no longer matches its digest"
    ),
    FailureReason.WORKER_LOST: FailurePolicy(
        True, False, "every worker that tried it died or lost its lease"
    ),
    FailureReason.OUT_OF_MEMORY: FailurePolicy(
        True, False, "the memory is too small even for this one image"
    ),
    FailureReason.INTERNAL_ERROR: FailurePolicy(True, False, "an unexpected error, see the log"),
}

MAX_ATTEMPTS = 3
"""Attempts are counted before the work; a row that had this many goes into quarantine."""
