"""One benchmark under way: its folder, its size, and what it has found so far."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.benchmarks.figures import Figure, ratios, shuffled_rounds
from tests.services.servers import ServerAbsentError

T = TypeVar("T")


class WrongOutputError(Exception):
    """The work that was measured came out wrong: its figures mean nothing."""


class NotHereError(Exception):
    """The machine lacks what the benchmark is about, such as a GPU."""


@dataclass(slots=True)
class Run:
    """What a benchmark is given, and what it hands back.

    folder: an empty folder on a disk. bundle_dir: a folder for the small bundle of the short form;
    None: the released one is measured. is_short: correctness alone, as little work as shows it.
    checked: what of the output was compared, in words. absent: each peer or program that was left
    out, and why. notes: what a reader of the figures should know. tables: rows of text by title.
    """

    folder: Path
    is_short: bool = False
    bundle_dir: Path | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def size(self, name: str, *, full: int, short: int) -> int:
        """Return how much to do: what was asked for by this name, or that of the form."""
        return self.sizes.get(name, short if self.is_short else full)

    def add(self, name: str, unit: str, values: Iterable[float] | float) -> Figure:
        """Keep a figure."""
        several = (values,) if isinstance(values, int | float) else tuple(values)
        figure = Figure(name, unit, tuple(map(float, several)))
        self.figures.append(figure)
        return figure

    def compare(
        self, what: str, unit: str, contenders: Mapping[str, Callable[[], float]], rounds: int
    ) -> dict[str, tuple[float, ...]]:
        """Measure contenders in shuffled rounds; keep `NAME, what` of each and return the values.

        The first is this system: of each other one, `what / NAME` is kept as well, a ratio.
        """
        values = shuffled_rounds(contenders, rounds)
        ours, *others = contenders
        for name, found in values.items():
            self.add(f"{name}: {what}", unit, found)
        for other in others:
            self.add(f"{what} / {other}", "x", ratios(values[ours], values[other]))
        return values

    def expect(self, what: str, expected: object, found: object) -> None:
        """Note that this was compared; raises WrongOutputError where it differs."""
        if expected != found:
            raise WrongOutputError(f"{what}: expected {_shown(expected)}, found {_shown(found)}")
        if what not in self.checked:
            self.checked.append(what)

    def room(self, name: str) -> Path:
        """Make an empty folder below the benchmark's."""
        room = self.folder / name
        room.mkdir(parents=True)
        return room

    @contextmanager
    def without_absent(self, name: str) -> Iterator[None]:
        """Note, in place of the block, what is not installed."""
        try:
            yield
        except ServerAbsentError as absent:
            self.absent[name] = str(absent)


def program(name: str, package: str) -> str:
    """Return the path of a program. Raises ServerAbsentError that says how to install it."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise ServerAbsentError(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def _shown(value: object) -> str:
    text = repr(sorted(value, key=repr) if isinstance(value, set | frozenset) else value)
    return text if len(text) < 300 else f"{text[:300]}..."
