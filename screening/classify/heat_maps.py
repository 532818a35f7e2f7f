"""Compute the heat-maps that readers ask for, between two batches."""

import threading
from collections.abc import Sequence
from functools import partial

from screening.classify.examine import examine_kept
from screening.classify.heat_map_queue import (
    ClaimedHeatMaps,
    NotMade,
    claim_heat_maps,
    record_heat_maps,
)
from screening.classify.hung_batch import LONGEST_CLAIM_S, ended_where_hung
from screening.db.calibrations import calibrations_in_force
from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.domain.backoff import Retried
from screening.domain.eligibility import EligibilityRules, Refusal
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.examination import Failed, guarded
from screening.ensemble.input_views import PreparedInput
from screening.errors import NoFeatureMapError, SettingsError
from screening.logs import get_logger
from screening.settings import Settings
from screening.spool.store import Spool
from screening.work.heartbeat import heartbeat
from screening.work.queues import HEAT_MAPS

log = get_logger()


class HeatMapRunner:
    """Computes the heat-maps of one bundle's results."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        ensemble: Ensemble,
        bundle_id: int,
        worker: str,
        rules: EligibilityRules,
        computing: threading.Lock,
    ) -> None:
        """Take the lock `computing`, which whoever has the networks compute holds."""
        self._database = database
        self._ensemble = ensemble
        self._bundle_id = bundle_id
        self._worker = worker
        self._rules = rules
        self._lease_s = settings.lease_s
        self._spool = Spool(settings.spool_dir)
        self._backoff = settings.backoff(Retried.HEAT_MAP)
        self._computing = computing

    def run(self) -> bool:
        """Compute and record the heat-maps of one result; return whether any were due.

        Raises DatabaseUnavailableError; the lease then runs out and they are due again.
        """
        held = claim_heat_maps(
            self._database, bundle_id=self._bundle_id, worker=self._worker, lease_s=self._lease_s
        )
        if held is None:
            return False
        with heartbeat(
            self._database,
            HEAT_MAPS,
            held.token,
            lease_s=self._lease_s,
            longest_s=LONGEST_CLAIM_S,
        ):
            with self._computing, ended_where_hung():
                found = self._computed(held)
            written_with_patience(
                lambda: record_heat_maps(self._database, held, found, self._backoff)
            )
        return True

    def _computed(self, held: ClaimedHeatMaps) -> Sequence[HeatMap] | NotMade:
        with self._database.read() as session:
            in_force = calibrations_in_force(session, self._bundle_id)
        curve = in_force.grey_curve_of(held.calling_ae_title)
        prepare = partial(self._ensemble.prepare, curve=curve)
        examined = examine_kept(self._spool, held.sha256, self._rules, prepare)
        if isinstance(examined, Refusal):
            return NoHeatMap.NOT_SCREENED
        if isinstance(examined, Failed):
            return examined.reason
        return self._of_prepared(examined.prepared)

    def _of_prepared(self, prepared: PreparedInput) -> Sequence[HeatMap] | NotMade:
        if prepared.refusal is not None:
            return NoHeatMap.NOT_SCREENED
        found: Sequence[HeatMap] | NoHeatMap | Failed = guarded(lambda: self._made(prepared))
        return found.reason if isinstance(found, Failed) else found

    def _made(self, prepared: PreparedInput) -> Sequence[HeatMap] | NoHeatMap:
        try:
            return self._ensemble.heat_maps(prepared)
        except NoFeatureMapError as error:
            log.warning("no_feature_map", reason=str(error))
            return NoHeatMap.NO_FEATURE_MAP
        except SettingsError as error:
            log.warning("no_gradients", reason=str(error))
            return NoHeatMap.NO_GRADIENTS
