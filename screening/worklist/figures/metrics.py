"""Metrics in Prometheus' text format: counts and ages only."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from screening.calibration.document import THE_WHOLE_SITE
from screening.db.breakers import FailingDestination
from screening.db.calibration_state import CalibrationState
from screening.db.tables.calibrations import WHOLE_SITE
from screening.domain.drift import Likeness
from screening.drift.of_senders import SenderDrift
from screening.worklist.figures.reading_figures import ReadingFigures
from screening.worklist.figures.totals import Totals

Values = Iterable[tuple[tuple[str, ...], float]]
"""Values of a metric, each with those of its labels."""


@dataclass(frozen=True, slots=True)
class _Now:
    """What the metrics are of."""

    totals: Totals
    oldest_pending_age_s: float
    failing: Mapping[str, FailingDestination]
    calibration: CalibrationState
    drift: Sequence[SenderDrift]
    reading: ReadingFigures

    def destinations(self) -> Iterator[tuple[str, FailingDestination | None]]:
        """Yield every destination that has reports, or fails, and how it fails."""
        for name in {name for name, _ in self.totals.deliveries} | self.failing.keys():
            yield name, self.failing.get(name)


@dataclass(frozen=True, slots=True)
class _Metric:
    """One metric, without labels unless they are named."""

    name: str
    meaning: str
    values: Callable[[_Now], Values]
    labels: tuple[str, ...] = ()


def _alone(value: float) -> Values:
    return [((), value)]


def _instances(now: _Now) -> Values:
    states = ("classified", "not_applicable", "failed", "pending")
    return [((state,), getattr(now.totals, state)) for state in states]


def _failures(now: _Now) -> Values:
    return [((name,), one.failures if one else 0) for name, one in now.destinations()]


def _pauses(now: _Now) -> Values:
    return [((name,), one.paused if one else 0) for name, one in now.destinations()]


def _calibrated(now: _Now) -> Values:
    void = dict.fromkeys([WHOLE_SITE, *now.calibration.void], 0)
    by_title = {**void, **dict.fromkeys(now.calibration.in_force, 1)}
    return [((title or THE_WHOLE_SITE,), value) for title, value in by_title.items()]


def _likeness(now: _Now) -> Values:
    return [
        ((one.calling_ae_title, likeness.name.lower()), one.gauge.likeness is likeness)
        for one in now.drift
        for likeness in Likeness
    ]


def _aspects(now: _Now) -> Values:
    return [
        ((one.calling_ae_title, found.aspect.name.lower()), found.measured.value)
        for one in now.drift
        for found in one.gauge.findings
        if found.measured is not None
    ]


def _observed(now: _Now) -> Values:
    return [
        ((one.figure, one.target, bound), value)
        for one in now.reading.observed
        for bound, value in (
            ("value", one.value),
            ("low", one.interval.low),
            ("high", one.interval.high),
        )
    ]


def _observed_studies(now: _Now) -> Values:
    return [((one.figure, one.target), one.studies) for one in now.reading.observed]


METRICS = (
    _Metric(
        "screening_instances_received",
        "Instances received",
        lambda now: _alone(now.totals.received),
    ),
    _Metric("screening_instances", "Instances by state", _instances, ("state",)),
    _Metric(
        "screening_instances_by_reason",
        "Instances by state and coded reason",
        lambda now: now.totals.reasons.items(),
        ("state", "reason"),
    ),
    _Metric(
        "screening_ledger_adds_up",
        "1 where the states add up",
        lambda now: _alone(now.totals.adds_up),
    ),
    _Metric(
        "screening_oldest_pending_age_seconds",
        "Age of the oldest instance without a final state, 0 where none waits",
        lambda now: _alone(now.oldest_pending_age_s),
    ),
    _Metric(
        "screening_backfill_pending",
        "Re-runs that wait or run",
        lambda now: _alone(now.totals.backfill_pending),
    ),
    _Metric(
        "screening_deliveries",
        "Reports by destination and state",
        lambda now: now.totals.deliveries.items(),
        ("destination", "state"),
    ),
    _Metric(
        "screening_destination_failures",
        "Failures in a row of each destination that has reports, 0 where it works",
        _failures,
        ("destination",),
    ),
    _Metric(
        "screening_destination_paused",
        "1 where a destination failed so often that it is only probed",
        _pauses,
        ("destination",),
    ),
    _Metric(
        "screening_commitments",
        "Reports that destinations are to confirm, by destination and state",
        lambda now: now.totals.report_commitments.items(),
        ("destination", "state"),
    ),
    _Metric(
        "screening_commitment_requests",
        "Peers' requests for commitment by calling AE title and state",
        lambda now: now.totals.peer_commitment_requests.items(),
        ("calling_ae_title", "state"),
    ),
    _Metric(
        "screening_site_calibrated",
        "1 where the site's own calibration is in force, 0 where there is none, or a new bundle "
        "made it void",
        _calibrated,
        ("calling_ae_title",),
    ),
    _Metric(
        "screening_images_removed",
        "Instances whose image was removed",
        lambda now: _alone(now.totals.removed),
    ),
    _Metric(
        "screening_sender_likeness",
        "1 for how like the images that the bundle knows a sender's newest ones are",
        _likeness,
        ("calling_ae_title", "likeness"),
    ),
    _Metric(
        "screening_sender_drift",
        "Share of a sender's newest images beyond the known ones, or distance to them, 0 to 1",
        _aspects,
        ("calling_ae_title", "aspect"),
    ),
    _Metric(
        "screening_sender_drift_images",
        "Images of a sender that its drift is told from",
        lambda now: [((one.calling_ae_title,), one.gauge.images) for one in now.drift],
        ("calling_ae_title",),
    ),
    _Metric(
        "screening_open_claims",
        "Studies that readers have claimed and not read yet",
        lambda now: _alone(now.reading.open_claims),
    ),
    _Metric(
        "screening_oldest_claim_age_seconds",
        "Age of the oldest open claim, 0 where none is open",
        lambda now: _alone(now.reading.oldest_claim_age_s),
    ),
    _Metric(
        "screening_feedback_studies",
        "Studies that the active bundle scored, by the class that their readers found",
        lambda now: [((label,), count) for label, count in now.reading.labels.items()],
        ("label",),
    ),
    _Metric(
        "screening_observed",
        "Figures of the active bundle by its readers' feedback, with their 95 % intervals",
        _observed,
        ("figure", "target", "bound"),
    ),
    _Metric(
        "screening_observed_studies",
        "Studies with feedback that each of these figures is of",
        _observed_studies,
        ("figure", "target"),
    ),
)


def metrics_text(
    totals: Totals,
    oldest_pending_age_s: float | None,
    failing: Sequence[FailingDestination],
    *,
    calibration: CalibrationState,
    drift: Sequence[SenderDrift],
    reading: ReadingFigures,
) -> bytes:
    """Return the figures of this moment; oldest_pending_age_s: None where nothing waits."""
    by_name = {one.destination: one for one in failing}
    registry = CollectorRegistry()
    age_s = oldest_pending_age_s or 0.0
    now = _Now(totals, age_s, by_name, calibration, drift, reading)
    registry.register(_Figures(now))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, now: _Now) -> None:
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every metric with its values, in the order of their labels."""
        for metric in METRICS:
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for labels, value in sorted(metric.values(self._now)):
                family.add_metric(labels, float(value))
            yield family
