"""What those who log in to the worklist page may do."""

from enum import StrEnum


class Role(StrEnum):
    """What a visitor may do."""

    READER = "reader"
    """See the worklist, its JSON and the metrics; claim studies, mark them read, give feedback."""
    OPERATOR = "operator"
    """Besides, have reports sent or made again, decide corrections, end others' claims."""
