"""Metrics in Prometheus' text format: counts and ages only."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from screening.db.breakers import FailingDestination
from screening.worklist.totals import Totals


def metrics_text(
    totals: Totals, oldest_pending_age_s: float | None, failing: Sequence[FailingDestination]
) -> bytes:
    """Return the figures of this moment; oldest_pending_age_s: None where nothing waits."""
    registry = CollectorRegistry()
    registry.register(_Figures(totals, oldest_pending_age_s or 0.0, failing))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(
        self, totals: Totals, oldest_pending_age_s: float, failing: Sequence[FailingDestination]
    ) -> None:
        self._totals = totals
        self._failing = {one.destination: one for one in failing}
        self._oldest_pending_age_s = oldest_pending_age_s

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one family a figure."""
        totals = self._totals
        states = ("classified", "not_applicable", "failed", "pending")
        return (
            _figure("screening_instances_received", "Instances received", totals.received),
            _counts(
                "screening_instances",
                "Instances by state",
                ("state",),
                [((state,), getattr(totals, state)) for state in states],
            ),
            _counts(
                "screening_instances_by_reason",
                "Instances by state and coded reason",
                ("state", "reason"),
                totals.reasons.items(),
            ),
            _figure("screening_ledger_adds_up", "1 where the states add up", totals.adds_up),
            _figure(
                "screening_oldest_pending_age_seconds",
                "Age of the oldest instance without a final state, 0 where none waits",
                self._oldest_pending_age_s,
            ),
            _figure(
                "screening_backfill_pending", "Re-runs that wait or run", totals.backfill_pending
            ),
            _counts(
                "screening_deliveries",
                "Reports by destination and state",
                ("destination", "state"),
                totals.deliveries.items(),
            ),
            _counts(
                "screening_destination_failures",
                "Failures in a row of each destination that has reports, 0 where it works",
                ("destination",),
                [((name,), one.failures if one else 0) for name, one in self._destinations()],
            ),
            _counts(
                "screening_destination_paused",
                "1 where a destination failed so often that it is only probed",
                ("destination",),
                [((name,), int(one.paused) if one else 0) for name, one in self._destinations()],
            ),
            _counts(
                "screening_commitments",
                "Reports that destinations are to confirm, by destination and state",
                ("destination", "state"),
                totals.report_commitments.items(),
            ),
            _counts(
                "screening_commitment_requests",
                "Peers' requests for commitment by calling AE title and state",
                ("calling_ae_title", "state"),
                totals.peer_commitment_requests.items(),
            ),
            _figure(
                "screening_images_removed", "Instances whose image was removed", totals.removed
            ),
        )

    def _destinations(self) -> Iterable[tuple[str, FailingDestination | None]]:
        names = {name for name, _ in self._totals.deliveries} | self._failing.keys()
        return ((name, self._failing.get(name)) for name in names)


def _figure(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value))


def _counts(
    name: str, meaning: str, labels: tuple[str, ...], counts: Iterable[tuple[Sequence[str], int]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for values, count in sorted(counts):
        family.add_metric(values, count)
    return family
