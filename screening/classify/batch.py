"""One batch: claim, examine in threads, score once, record once.

Two threads may each have one under way: one examines or records while the other scores.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from screening.classify.claim import Claim, ClaimedInstance, claim
from screening.classify.compare import Compared, compare_kept
from screening.classify.examine import examine_kept
from screening.classify.hung_batch import LONGEST_CLAIM_S, ended_where_hung
from screening.classify.record import Result, Scored, record
from screening.db.calibrations import calibrations_in_force
from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.domain.backoff import Retried
from screening.domain.eligibility import EligibilityRules, Refusal
from screening.domain.failures import FailureReason
from screening.domain.grey_curve import GreyCurve, sha256_of
from screening.domain.heat_map import HeatMapsWanted
from screening.domain.triage import triage
from screening.ensemble.ensemble import Ensemble, Screened
from screening.ensemble.examination import Examined, Failed, Ready
from screening.ensemble.input_views import PreparedInput
from screening.logs import get_logger
from screening.settings import Settings
from screening.spool.store import Spool
from screening.work.heartbeat import heartbeat
from screening.work.queues import CLASSIFICATIONS

log = get_logger()


class BatchRunner:
    """Runs batches of one bundle's ensemble."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        ensemble: Ensemble,
        bundle_id: int,
        worker: str,
        computing: threading.Lock,
    ) -> None:
        """Take the lock `computing`, which whoever has the networks compute holds."""
        self._settings = settings
        self._database = database
        self._ensemble = ensemble
        self._bundle_id = bundle_id
        self._worker = worker
        self._spool = Spool(settings.spool_dir)
        self._backoff = settings.backoff(Retried.CLASSIFICATION)
        self._rules = eligibility_rules(settings)
        self._decoders = ThreadPoolExecutor(settings.decode_threads, "decode")
        self._computing = computing
        self._claiming = threading.Lock()
        self._under_way: list[Claim] = []

    def run(self, when_full: Callable[[], None] = lambda: None) -> int:
        """Claim and finish one batch; return how many instances it held.

        when_full: called where there were enough for a full batch, before the work. Two threads may
        run a batch each; one that holds a row that was tried before is the only one.
        Raises DatabaseUnavailableError; the claim's lease then runs out and the rows are due again.
        """
        held = self._claimed()
        if not held:
            return 0
        try:
            if len(held.instances) == self._settings.batch_size:
                when_full()
            self._finish(held)
        finally:
            with self._claiming:
                self._under_way.remove(held)
        return len(held.instances)

    def close(self) -> None:
        """End the decoding threads."""
        self._decoders.shutdown()

    def _claimed(self) -> Claim | None:
        with self._claiming:
            if any(one.was_tried_before for one in self._under_way):
                return None
            held = claim(
                self._database,
                bundle_id=self._bundle_id,
                worker=self._worker,
                batch_size=self._settings.batch_size,
                lease_s=self._settings.lease_s,
                beside_another=bool(self._under_way),
            )
            if not held.instances:
                return None
            self._under_way.append(held)
            return held

    def _finish(self, held: Claim) -> None:
        with heartbeat(
            self._database,
            CLASSIFICATIONS,
            held.token,
            lease_s=self._settings.lease_s,
            longest_s=LONGEST_CLAIM_S,
        ):
            results = self._results(held)
            written_with_patience(lambda: self._record(held, results))
        log.info("batch_finished", instances=len(held.instances))

    def _record(self, held: Claim, results: Mapping[int, Result]) -> None:
        wanted = self._settings.heat_maps is HeatMapsWanted.AT_CLASSIFICATION
        record(self._database, held, results, self._backoff, with_heat_maps=wanted)

    def _results(self, held: Claim) -> dict[int, Result]:
        curves = self._curves(held)
        with ended_where_hung():
            examined = dict(
                zip(
                    (instance.classification_id for instance in held.instances),
                    self._decoders.map(self._examine, held.instances, curves),
                    strict=True,
                )
            )
        ready = {key: found for key, found in examined.items() if isinstance(found, Ready)}
        results: dict[int, Result] = {
            key: found for key, found in examined.items() if not isinstance(found, Ready)
        }
        with self._computing, ended_where_hung():
            scored = self._score(ready)
        for instance, curve in zip(held.instances, curves, strict=True):
            found = scored.get(instance.classification_id)
            if isinstance(found, Scored):
                with_its_curve = replace(found, grey_curve_sha256=sha256_of(curve))
                scored[instance.classification_id] = with_its_curve
        return {**results, **scored}

    def _curves(self, held: Claim) -> list[GreyCurve | None]:
        """Return each image's grey-level curve; `record` refuses one that is void by then."""
        with self._database.read() as session:
            in_force = calibrations_in_force(session, self._bundle_id)
        return [in_force.grey_curve_of(one.calling_ae_title) for one in held.instances]

    def _examine(
        self, instance: ClaimedInstance, curve: GreyCurve | None
    ) -> Examined[PreparedInput] | Compared:
        if instance.standing is not None:
            return compare_kept(self._spool, instance.sha256, instance.standing)
        prepare = partial(self._ensemble.prepare, curve=curve)
        return examine_kept(self._spool, instance.sha256, self._rules, prepare)

    def _score(self, ready: Mapping[int, Ready[PreparedInput]]) -> dict[int, Result]:
        if not ready:
            return {}
        started = time.perf_counter()
        try:
            screened = self._ensemble.screen_with_statistics(
                [found.prepared for found in ready.values()]
            )
        except Exception as error:
            log.exception("scoring_failed", instances=len(ready))
            failed = Failed(FailureReason.INTERNAL_ERROR, type(error).__name__)
            return dict.fromkeys(ready, failed)
        share_s = (time.perf_counter() - started) / len(ready)
        return {
            key: self._result(found, one, share_s)
            for (key, found), one in zip(ready.items(), screened, strict=True)
        }

    def _result(
        self,
        found: Ready[PreparedInput],
        screened: Screened | Refusal | Failed,
        share_s: float,
    ) -> Result:
        if not isinstance(screened, Screened):
            return screened
        return Scored(
            scores=screened.scores,
            triage=triage(screened.scores.ensemble, self._ensemble.bundle.manifest.rules),
            pixel_sha256=found.pixel_sha256,
            render_path=found.render_path,
            timings_s={**found.timings_s, "score": round(share_s, 4)},
            image_statistics=screened.statistics,
        )


def eligibility_rules(settings: Settings) -> EligibilityRules:
    """Return the gate's rules as the site set them."""
    return EligibilityRules(
        allow_for_processing=settings.allow_for_processing,
        minimum_age_years=settings.minimum_age_years,
    )
