"""Pull one plug while eight senders send, wait for the end, and compare."""

import time
from dataclasses import dataclass, replace

from screening.db.recount import recount
from tests.faults.course import Course
from tests.faults.images import Objects, new_study
from tests.faults.installation import Installation
from tests.faults.reckoning import kept_whole, read_rows, reckon
from tests.faults.senders import Sending
from tests.faults.table import BASELINE, Fault
from tests.sites.site import wait_until

LONGEST_S = 900


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one fault.

    recovery_s: from the return of the plug to the last final state, delivered reports included;
    work_s: what undisturbed work of what was left then takes; faults: all that is wrong, in words.
    """

    fault: Fault
    where: str
    did: str
    instances: int
    lost: int
    doubled: int
    reports: int
    sent_again: int
    recovery_s: float
    work_s: float
    wrong: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether the promises held."""
        return not self.wrong


def baseline(here: Installation, instances: int, *, is_full: bool) -> tuple[Trial, float]:
    """Run undisturbed; return the trial, and how many images a second this installation does."""
    started = time.monotonic()
    trial = run_trial(BASELINE, here, instances, is_full=is_full, images_a_second=float("inf"))
    return trial, instances / (time.monotonic() - started)


def run_trial(
    fault: Fault, here: Installation, instances: int, *, is_full: bool, images_a_second: float
) -> Trial:
    """Run one fault. Raises AssertionError where it had no effect, or where nothing settles."""
    objects = new_study(fault.images, instances)
    sending = Sending(here.scp, objects, spread_s=10 if is_full else 2)
    sending.start()
    try:
        did = fault.pull(Course(here, sending, is_full))
        returned = time.monotonic()
        work_s = (instances - here.settled(objects)) / images_a_second
        sending.finish(LONGEST_S)
    finally:
        sending.give_up()
    wait_until(lambda: here.settled(objects) == instances, "all images to settle", LONGEST_S)
    recovery_s = time.monotonic() - returned
    trial = _compare(fault, here, objects, sending)
    late = recovery_s - work_s > fault.limit_s
    too_late = (f"expected the end within {fault.limit_s:.0f} s beside the work",) if late else ()
    wrong = trial.wrong + too_late
    return replace(trial, did=did, recovery_s=recovery_s, work_s=work_s, wrong=wrong)


def _compare(fault: Fault, here: Installation, objects: Objects, sending: Sending) -> Trial:
    wait_until(lambda: not any(here.spool.incoming.iterdir()), "half-received files to go", 20)
    found = reckon(
        sending.acknowledged,
        objects.kind,
        read_rows(here.database, objects.study_instance_uid),
        here.destination.arrivals,
        kept_whole(here.spool, sending.acknowledged.values()),
    )
    wrong = [f"lost {uid}: {why}" for uid, why in found.lost.items()]
    wrong += [f"doubled {uid}: {why}" for uid, why in found.doubled.items()]
    wrong += [f"a modality would have given up at {answer}" for answer in sending.final_refusals]
    wrong += [f"a part of an object is visible: {name}" for name in _damaged(here)]
    counted = recount(here.database)
    wrong += [f"standing figures differ from the rows: {counted}"] if not counted.agrees else []
    return Trial(
        fault=fault,
        where=here.where.value,
        did="",
        instances=len(sending.acknowledged),
        lost=len(found.lost),
        doubled=len(found.doubled),
        reports=found.reports,
        sent_again=found.sent_again,
        recovery_s=0,
        work_s=0,
        wrong=tuple(wrong),
    )


def _damaged(here: Installation) -> list[str]:
    visible = (here.spool.incoming.parent / "objects").rglob("*.dcm")
    return [path.stem for path in visible if not here.spool.is_undamaged(path.stem)]
