"""What the page needs of operations, as types: stations do not import `screening.ops`."""

from collections.abc import Mapping
from typing import Any, Protocol


class Totals(Protocol):
    """The ledger: counts of instances, and of deliveries by destination and state."""

    @property
    def received(self) -> int:
        """Instances received."""

    @property
    def classified(self) -> int:
        """Instances with a score."""

    @property
    def not_applicable(self) -> int:
        """Instances that this system does not score."""

    @property
    def failed(self) -> int:
        """Instances whose classification failed."""

    @property
    def pending(self) -> int:
        """Instances that wait."""

    @property
    def adds_up(self) -> bool:
        """Whether received is the sum of the four."""

    @property
    def reasons(self) -> Mapping[tuple[str, str], int]:
        """Instances by state and coded reason."""

    @property
    def backfill_pending(self) -> int:
        """Re-runs that wait or run."""

    @property
    def deliveries(self) -> Mapping[tuple[str, str], int]:
        """Reports by destination and state."""

    @property
    def report_commitments(self) -> Mapping[tuple[str, str], int]:
        """Reports that destinations must confirm, by destination and state."""

    @property
    def peer_commitment_requests(self) -> Mapping[tuple[str, str], int]:
        """Peers' requests for commitment, by calling AE title and state."""

    @property
    def removed(self) -> int:
        """Instances whose image was removed."""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
