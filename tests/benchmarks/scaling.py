"""What so many images a day need, computed from measured figures: docs/scaling.md has three sizes.

`screening bench --plan IMAGES` prints the same for another number, with `--results` from the
figures of a run on the reader's own machine.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import Figure, number

SIZES = {"department": 300, "hospital group": 10_000, "country": 1_000_000}
"""Images a day."""
MIB, KIB, GB, TB = 1 << 20, 1 << 10, 1e9, 1e12
HOUR_S, DAYS_A_YEAR = 3600, 365


@dataclass(frozen=True, slots=True)
class Input:
    """One figure that the plan is computed from.

    figure: of the suite, whose median replaces it; "": assumed, to be set by whoever plans. factor:
    from the figure's unit to this one's; a negative power of the figure where it is `inverse`.
    """

    value: float
    unit: str
    source: str
    figure: str = ""
    factor: float = 1.0
    inverse: bool = False

    def measured(self, figures: Sequence[Figure]) -> float:
        """Return the figure of a run where it has one, else the value kept here."""
        found = next((one.median for one in figures if one.name == self.figure), None)
        if not found:
            return self.value
        return self.factor / found if self.inverse else self.factor * found


INPUTS: Mapping[str, Input] = {
    "busiest hour": Input(0.12, "of a day's images", "assumed: three times an even day"),
    "utilisation": Input(0.6, "in the busiest hour", "assumed: more makes queues long"),
    "image": Input(8.0, "MiB", "2048 x 2048, 16 bits, not compressed"),
    "days kept": Input(30, "days in the spool", "assumed: `SCREENING_RETENTION_DAYS`"),
    "SCP": Input(
        11, "images/s of 8 MiB", "row 1, 8 associations", "screening: 8 MiB, 8 associations"
    ),
    "worker": Input(
        0.909,
        "s an image on two cores",
        "row 2, batch 8",
        "screening: ensemble, batch 8",
        inverse=True,
    ),
    "GPU": Input(100, "images/s of one GPU", "assumed: `screening bench ensemble-gpu` measures it"),
    "report worker": Input(
        0.16,
        "s of processor time an image",
        "row 4, beside other work",
        "report: processor time an image",
        factor=0.001,
    ),
    "database": Input(25, "KiB an image", "row 4, on SQLite", "database an image"),
    "syncs": Input(5.8, "fsyncs an image", "counted with strace on SQLite"),
    "core price": Input(0.04, "USD a core and hour", "assumed: a rented core"),
    "GPU price": Input(1.0, "USD a GPU and hour", "assumed: a rented inference card"),
    "core power": Input(10, "W a busy core", "assumed: server, cooling included"),
    "GPU power": Input(120, "W a busy GPU", "assumed: inference card, cooling included"),
}
"""Measured on two cores of an AMD Zen 3 at 2.5 GHz or so, without bfloat16 units, or assumed."""


KNOBS: Mapping[str, str] = {
    "one SCP process": "`SCREENING_SCP_PROCESSES`; then SCPs on more machines behind a TCP proxy",
    "one classify worker on two cores": "more workers, on any machine that reaches the spool",
    "one classify worker on a GPU": "one worker for each GPU; `SCREENING_BATCH_SIZE`",
    "one report worker": "more report workers",
    "a disk of 1,000 fsyncs a second": "a protected write cache; the database on its own disk",
    "a network of 1 Gbit/s": "modalities that compress without loss; 10 Gbit/s",
}


def plan(images_a_day: int, figures: Sequence[Figure] = ()) -> dict[str, str]:
    """Return what so many images a day need, in words, by what is needed.

    figures: of a run whose medians replace the kept ones.
    """
    of = {name: one.measured(figures) for name, one in INPUTS.items()}
    peak = images_a_day * of["busiest hour"] / HOUR_S
    room = of["utilisation"]
    image_bytes = of["image"] * MIB
    workers = _count(peak * of["worker"] / room)
    gpus = _count(peak / of["GPU"] / room)
    return {
        "busiest hour": f"{number(peak)} images/s",
        "SCP processes": str(_count(peak / of["SCP"] / room)),
        "classify workers without a GPU": f"{workers} x 2 cores",
        "or with GPUs": str(gpus),
        "report workers": str(_count(peak * of["report worker"] / room)),
        "a backlog of one hour without workers is gone after": _drained(peak, workers, of),
        "network to the SCPs": f"{number(peak * image_bytes * 8 / 1e6)} Mbit/s",
        "spool": f"{_bytes(images_a_day * image_bytes * of['days kept'])} for "
        f"{number(of['days kept'])} days",
        "spool, written": f"{number(peak * image_bytes / 1e6)} MB/s",
        "database, a year": _bytes(images_a_day * DAYS_A_YEAR * of["database"] * KIB),
        "synchronous writes": f"{number(peak * of['syncs'])} a second",
        "1,000 images on processors": _cost(
            1000 * of["worker"] * 2, of["core price"], of["core power"]
        ),
        "1,000 images on a GPU": _cost(1000 / of["GPU"], of["GPU price"], of["GPU power"]),
    }


def plan_table(figures: Sequence[Figure] = ()) -> list[list[str]]:
    """Return a row for each need, a column for each of SIZES, its head first."""
    plans = [plan(images, figures) for images in SIZES.values()]
    head = ["", *(f"{name}: {images:,} a day" for name, images in SIZES.items())]
    return [head, *([need, *(one[need] for one in plans)] for need in plans[0])]


def limits_table() -> list[list[str]]:
    """Return what one of each part carries in images a day, and what moves it, its head first."""
    of = {name: one.value for name, one in INPUTS.items()}
    a_day = of["utilisation"] * HOUR_S / of["busiest hour"]
    carries = {
        "one SCP process": of["SCP"],
        "one classify worker on two cores": 1 / of["worker"],
        "one classify worker on a GPU": of["GPU"],
        "one report worker": 1 / of["report worker"],
        "a disk of 1,000 fsyncs a second": 1000 / of["syncs"],
        "a network of 1 Gbit/s": 1e9 / 8 / (of["image"] * MIB),
    }
    rows = [[part, f"{rate * a_day:,.0f}", KNOBS[part]] for part, rate in carries.items()]
    return [["one of these", "carries, images a day", "what moves it"], *rows]


def inputs_table() -> list[list[str]]:
    """Return a row for each input, its head first."""
    rows = [[name, f"{number(one.value)} {one.unit}", one.source] for name, one in INPUTS.items()]
    return [["input", "value", "from"], *rows]


def _count(needed: float) -> int:
    return max(1, math.ceil(needed))


def _drained(peak: float, workers: int, of: Mapping[str, float]) -> str:
    """One hour's images at the busiest, beside the next hours' own."""
    spare = workers / of["worker"] - peak
    return f"{number(peak * HOUR_S / spare / 60)} min"


def _bytes(count: float) -> str:
    return f"{number(count / TB)} TB" if count >= TB else f"{number(count / GB)} GB"


def _cost(seconds: float, price: float, watts: float) -> str:
    """Of so many seconds of one core or card."""
    hours = seconds / HOUR_S
    return f"{number(hours * price)} USD, {number(hours * watts / 1000)} kWh"
