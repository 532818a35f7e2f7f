"""What one trial is asked for, and what came of it; its row of the table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.faults.installation import Installation
from tests.load.memory import LIMIT_MB_PER_1000, Growth
from tests.load.peers import Sent

COLUMNS = (
    f"{'trial':28} {'objects':>7} {'assoc.':>6} {'refused':>7} {'aborted':>7}   MB/1,000: "
    f"{'SCP':>6} {'classify':>8} {'report':>7} {'time':>7}  what was done"
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one trial.

    refused: refusals that were heard and tried again; growth: of each process; wrong: each limit
    that was broken, in words.
    """

    name: str
    did: str
    objects: int
    associations: int
    refused: int
    aborted: int
    growth: Mapping[str, Growth]
    duration_s: float
    wrong: tuple[str, ...]

    @property
    def row(self) -> str:
        """Its row below COLUMNS."""
        slopes = " ".join(
            f"{self.growth[name].per_1000:{width}.2f}" if name in self.growth else " " * width
            for name, width in (("receive", 17), ("classify", 8), ("report", 7))
        )
        return (
            f"{self.name:28} {self.objects:7} {self.associations:6} {self.refused:7} "
            f"{self.aborted:7} {slopes} {self.duration_s:5.0f} s  {self.did}"
        )


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load, and how much of it: the full form's figure and the short one's."""

    name: str
    press: Callable[[Installation, int], Trial]
    full: int
    short: int


def broken(
    here: Installation, growth: Mapping[str, Growth], sent: Sent, starts_before: int
) -> list[str]:
    """Return in words what no trial may do: leak, abort, turn a modality away, lose a station."""
    wrong = [
        f"{name} grows by {found.per_1000:.2f} MB per 1,000 ({found.in_all_mb:.1f} MB in all), "
        f"expected less than {LIMIT_MB_PER_1000:.0f}"
        for name, found in growth.items()
        if found.is_leak
    ]
    wrong += [f"{number} associations aborted: {why}" for why, number in sent.aborted.items()]
    wrong += [f"a modality would have given up at {answer}" for answer in sorted(sent.wrong)]
    if here.stations.starts != starts_before:
        wrong.append(f"{here.stations.starts - starts_before} stations ended on their own")
    return wrong


def pids(here: Installation, names: Iterable[str]) -> dict[str, int]:
    """Return the process of each station."""
    return {name: here.site.processes[name].pid for name in names}
