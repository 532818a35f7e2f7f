"""Classify workers whose networks run on a simulated device: `python -m ... COUNT MS_AN_IMAGE`.

Everything is the product's own (claims, examination, preparation, records, doorbells) but the
networks: they wait as long as a device would compute, which takes no processor. Each worker has a
device of its own. One process loads the libraries and forks so many workers.
"""

import os
import signal
import sys
import time

import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.cli.opened import opened_database
from screening.logs import configure_logs
from screening.settings import choose_runtime, load_settings

choose_runtime()
from screening.bundles.registry import Bundle  # noqa: E402  TensorFlow reads its log level once
from screening.classify import station  # noqa: E402
from screening.ensemble.ensemble import Ensemble  # noqa: E402
from screening.ensemble.members import EnsembleMember, MemberOutputs  # noqa: E402


class SimulatedMember(EnsembleMember):
    """A member that answers after the time that a device would take."""

    def __init__(self, member: Member, ms_an_image: float) -> None:
        self.member = member
        self.spec = member.input.spec
        self.gives_features = False
        self._ms_an_image = ms_an_image

    def outputs(self, images: NDArray[np.float32]) -> MemberOutputs:
        """Return equal probabilities for all classes."""
        time.sleep(self._ms_an_image * len(images) / 1000)
        classes = len(self.member.classes)
        return MemberOutputs(np.full((len(images), classes), 1 / classes, np.float32), None)


def _simulated(ms_an_image: float) -> type[Ensemble]:
    class SimulatedEnsemble(Ensemble):
        """The ensemble of a bundle, its members simulated; they share the time evenly."""

        @classmethod
        def load(cls, bundle: Bundle) -> "SimulatedEnsemble":  # type: ignore[override]
            members = bundle.manifest.members
            share_ms = ms_an_image / len(members)
            return cls(bundle, [SimulatedMember(member, share_ms) for member in members])

        def verify_golden(self) -> None:
            """Its scores are nobody's."""

    return SimulatedEnsemble


def main() -> None:
    """Fork the workers, pass SIGTERM on to them, and wait for their end."""
    station.Ensemble = _simulated(float(sys.argv[2]))  # type: ignore[misc]
    children = []
    for _ in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            _work()
            os._exit(0)
        children.append(pid)

    def stop(*_: object) -> None:
        for pid in children:
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    for pid in children:
        os.waitpid(pid, 0)


def _work() -> None:
    settings = load_settings()
    configure_logs(settings.log_level, station="classify")
    with opened_database(settings) as (_, database):
        station.ClassifyStation(settings, database).run()


if __name__ == "__main__":
    main()
