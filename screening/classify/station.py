"""Station 2: the classify worker. Keras and what it runs on are loaded here, after the start."""

import threading
import time
from dataclasses import dataclass

from screening.bundles.site import find_bundle
from screening.classify.batch import BatchRunner, eligibility_rules
from screening.classify.claim import anything_due
from screening.classify.heat_map_queue import any_heat_maps_due
from screening.classify.heat_maps import HeatMapRunner
from screening.classify.second_thread import SecondThread
from screening.db.bundle_rows import ActiveBundle, active_bundle
from screening.db.session import Database
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue, worker_name
from screening.doorbell.ring import Doorbell
from screening.doorbell.worker import Station
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.runtime_comparison import require_comparison
from screening.errors import StartupError
from screening.logs import get_logger
from screening.settings import Settings

LONGEST_TASK_S = 10
"""After this long a task ends and rings for the next, so that a stop is never far away."""
log = get_logger()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A bundle whose networks are loaded, and the work that is done with them."""

    active: ActiveBundle
    batches: BatchRunner
    heat_maps: HeatMapRunner


class ClassifyStation:
    """Claims and classifies until nothing is due; follows the active bundle."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._reports = Doorbell(make_celery_app(settings), Queue.REPORT)
        self._loaded = self._load(_require_active(database))
        self._station = Station(
            app=make_celery_app(settings),
            queue=Queue.CLASSIFY,
            work=self.work,
            due=lambda: anything_due(database) or any_heat_maps_due(database),
            sweep_interval_s=settings.sweep_interval_s,
        )

    def run(self) -> None:
        """Work until the process is told to stop."""
        try:
            self._station.run(name="classify")
        finally:
            self._loaded.batches.close()
            self._reports.close()

    def work(self) -> None:
        """Run batches until nothing is due or the task has taken long enough.

        From the first full batch on, a second thread runs batches too. Heat-maps come between two
        batches, those of one image at a time: readers wait for them, and however many they ask for,
        images are still scored.
        """
        self._follow_active_bundle()
        deadline = time.monotonic() + LONGEST_TASK_S

        def run_batches() -> None:
            while time.monotonic() < deadline and self._loaded.batches.run():
                self._reports.ring()

        with SecondThread(run_batches) as second:
            # What it had under way may have kept this thread from the next batch.
            while self._run_once(second) or second.has_worked():
                if time.monotonic() > deadline:
                    self._station.ring()
                    return

    def _run_once(self, second: SecondThread) -> bool:
        """Work on one batch and the heat-maps of one image; return whether anything was due."""
        scored = bool(self._loaded.batches.run(when_full=second.start))
        explained = self._loaded.heat_maps.run()
        if scored or explained:
            self._reports.ring()
        return scored or explained

    def _follow_active_bundle(self) -> None:
        active = _require_active(self._database)
        if active.digest != self._loaded.active.digest:
            previous = self._loaded
            self._loaded = self._load(active)
            previous.batches.close()

    def _load(self, active: ActiveBundle) -> _Loaded:
        bundle = find_bundle(self._settings, active.digest)
        require_comparison(bundle, self._settings.runtime, self._settings.data_dir)
        ensemble = Ensemble.load(bundle)
        ensemble.verify_golden()
        log.info(
            "ensemble_loaded",
            bundle=bundle.identity,
            trained=active.trained,
            runtime=self._settings.runtime,
            **({} if active.trained else {"warning": "UNTRAINED: scores mean nothing"}),
        )
        computing = threading.Lock()
        batches = BatchRunner(
            settings=self._settings,
            database=self._database,
            ensemble=ensemble,
            bundle_id=active.id,
            worker=worker_name(),
            computing=computing,
        )
        heat_maps = HeatMapRunner(
            settings=self._settings,
            database=self._database,
            ensemble=ensemble,
            bundle_id=active.id,
            worker=worker_name(),
            rules=eligibility_rules(self._settings),
            computing=computing,
        )
        return _Loaded(active, batches, heat_maps)


def _require_active(database: Database) -> ActiveBundle:
    active = active_bundle(database)
    if active is None:
        raise StartupError(
            "expected an active bundle, found none; `screening bundles list` lists all, "
            "`screening bundles activate` makes one active"
        )
    return active
