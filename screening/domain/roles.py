"""What those who log in to the worklist page may do."""

from enum import StrEnum


class Role(StrEnum):
    """What a visitor may do."""

    READER = "reader"
    """See the worklist, its JSON and the metrics."""
    OPERATOR = "operator"
    """Besides, have reports sent or made again."""
