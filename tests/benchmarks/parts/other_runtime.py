"""The ensemble on another runtime, in a process of its own: one process has one.

`python -m tests.benchmarks.parts.other_runtime RUNTIME BUNDLE`, then a line for each question: the
name of the views, the size of the batch, and whether scores or images a second are asked for.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any

from screening.bundles.registry import load_bundle
from tests.benchmarks.parts.ensembles import (
    RELEASED,
    golden_batch,
    images_a_second,
    load_runtime,
    with_views,
)
from tests.benchmarks.run import WrongOutputError


class OtherRuntime:
    """Asks the process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def infer(self, views: str, size: int) -> float:
        """Infer a batch of golden images once and return images a second."""
        return float(self._ask(views, size, wants_scores=False))

    def scores(self, views: str, size: int) -> list[list[float]]:
        """Return the ensemble's scores of a batch."""
        found: list[list[float]] = self._ask(views, size, wants_scores=True)
        return found

    def _ask(self, views: str, size: int, *, wants_scores: bool) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("expected a process with pipes")
        self._process.stdin.write(json.dumps([views, size, wants_scores]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WrongOutputError("the ensemble on another runtime ended; its error is above")
        return json.loads(line)


@contextmanager
def running(runtime: str, bundle: Path) -> Iterator[OtherRuntime]:
    """Start the process, whose golden scores come out right; end it with the block."""
    command = [sys.executable, "-m", "tests.benchmarks.parts.other_runtime", runtime, str(bundle)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield OtherRuntime(process)
        if process.stdin is not None:
            process.stdin.close()


def main(runtime: str, directory: str) -> None:
    """Answer until standard input closes."""
    load_runtime(runtime)
    from screening.ensemble.ensemble import Ensemble

    bundle = load_bundle(Path(directory))
    ensemble_of = cache(lambda views: Ensemble.load(with_views(bundle, views)))
    ensemble_of(RELEASED).verify_golden()
    for line in sys.stdin:
        views, size, wants_scores = json.loads(line)
        ensemble = ensemble_of(views)
        answer = _scores if wants_scores else images_a_second
        print(json.dumps(answer(ensemble, golden_batch(ensemble, size))), flush=True)


def _scores(ensemble: Any, batch: Sequence[Any]) -> list[tuple[float, ...]]:
    return [astuple(inferred.scores.ensemble) for inferred in ensemble.infer(batch)]


if __name__ == "__main__":
    main(*sys.argv[1:])
