"""The process that fuzzes one target of this machine's own: `python -m tests.fuzz.guided`.

What kills or hangs it is a finding, so it writes down what it is about to try. Where atheris is
installed it leads (libFuzzer, by the branches of the product and of pydicom that an input reaches),
elsewhere hypothesis does; both choose through the same strategies.
"""

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.findings import Findings, corpus_of
from tests.fuzz.measured import Held, held_by, measured
from tests.fuzz.target import Target

INSTRUMENTED = {
    "objects": [
        "screening.imaging",
        "screening.receive",
        "screening.renderings.structured_report.source",
        "pydicom",
    ],
    "page": ["screening.worklist", "starlette", "fastapi"],
}
TRYING, PROGRESS = "trying", "progress.json"
AT_ONCE = 200
FIRST_CHOICES = 48
LONGEST_CHOICES_BYTES = 2048
WARM_UP = 400
"""Inputs, and between two looks at what they leave."""


class Trial:
    """Tries inputs, and tells how far it is and what went wrong."""

    def __init__(self, target: Target, folder: Path, findings: Findings) -> None:
        self.tried = 0
        self._target = target
        self._folder = folder
        self._findings = findings
        self._warm: Held | None = None

    def __call__(self, content: bytes) -> None:
        """Try one input."""
        self._folder.joinpath(TRYING).write_bytes(content)
        faults: list[str] = []
        with measured(faults):
            faults += self._target.faults(content)
        self.tried += 1
        faults += self._left()
        for words in faults:
            self._findings.add(self._target.name, self._target.suffix, words, content)
        told = {"tried": self.tried, "at": time.monotonic()}
        beside = self._folder / f"{PROGRESS}.new"
        beside.write_text(json.dumps(told), encoding="ascii")
        beside.replace(self._folder / PROGRESS)  # who reads it sees all or nothing of it

    def _left(self) -> list[str]:
        """Return what many inputs together have left."""
        if self.tried % WARM_UP:
            return []
        now = held_by()
        self._warm = self._warm or now
        return self._warm.grown_to(now)


def main() -> None:
    """Fuzz until told; atheris ends the process itself."""
    asked = _arguments()
    with ExitStack() as stack:
        target = stack.enter_context(_opened(asked))
        trial = Trial(target, asked.folder, Findings(asked.findings))
        if asked.replay:
            for path in (*corpus_of(target.name), *asked.also):
                trial(path.read_bytes())
        if asked.inputs:
            _by_hypothesis(target, trial, asked.inputs, asked.seed)
        elif asked.seconds and _is_installed() and not asked.without_atheris:
            _by_atheris(target, trial, asked)
        elif asked.seconds:
            _until(asked.seconds, target, trial, asked.seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=INSTRUMENTED)
    parser.add_argument("--folder", type=Path, required=True, help="to work in")
    parser.add_argument("--findings", type=Path, required=True, help="where findings go")
    parser.add_argument("--seconds", type=int, default=0, help="as long as this")
    parser.add_argument("--inputs", type=int, default=0, help="so many, the same ones every time")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    parser.add_argument("--replay", action="store_true", help="the corpus first")
    parser.add_argument("--also", type=Path, nargs="*", default=(), help="files to replay as well")
    parser.add_argument("--real", action="store_true", help="damage real objects too")
    parser.add_argument("--without-atheris", action="store_true", help="hypothesis leads")
    return parser.parse_args()


def _is_installed() -> bool:
    try:
        import atheris  # noqa: F401  only whether it is there
    except ImportError:
        return False
    return True


def _opened(asked: argparse.Namespace) -> AbstractContextManager[Target]:
    """Import the target, instrumented where atheris will lead."""
    with ExitStack() as stack:
        if asked.seconds and _is_installed() and not asked.without_atheris:
            import atheris

            stack.enter_context(atheris.instrument_imports(include=INSTRUMENTED[asked.target]))
        if asked.target == "objects":
            from tests.fuzz.object_target import object_target

            return object_target(asked.folder, real=asked.real)
        from tests.fuzz.page_target import page_target

        return page_target(asked.folder)


def _by_hypothesis(target: Target, trial: Callable[[bytes], None], inputs: int, begin: int) -> None:
    @seed(begin)
    @settings(
        max_examples=inputs, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(target.inputs)
    def try_one(content: bytes) -> None:
        trial(content)

    try_one()


def _until(seconds: int, target: Target, trial: Trial, begin: int) -> None:
    deadline = time.monotonic() + seconds
    for number in itertools.count(begin):
        if time.monotonic() > deadline:
            return
        _by_hypothesis(target, trial, AT_ONCE, number)


def _by_atheris(target: Target, trial: Trial, asked: argparse.Namespace) -> None:
    import atheris

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def try_one(content: bytes) -> None:
        trial(content)

    choices = asked.folder / "choices"
    _begin(choices, asked.seed)
    atheris.Setup(
        [
            target.name,
            str(choices),
            f"-max_total_time={asked.seconds}",
            f"-max_len={LONGEST_CHOICES_BYTES}",
            f"-seed={asked.seed + 1}",
            "-len_control=0",
            "-rss_limit_mb=0",
            "-timeout=600",
            "-print_final_stats=1",
        ],
        try_one.hypothesis.fuzz_one_input,
    )
    atheris.Fuzz()


def _begin(choices: Path, begin: int) -> None:
    """Give libFuzzer choices that are long enough to make something of."""
    if choices.exists():
        return
    choices.mkdir()
    chance = random.Random(begin)
    for number in range(FIRST_CHOICES):
        size = chance.randrange(64, LONGEST_CHOICES_BYTES)
        (choices / f"first-{number}").write_bytes(chance.randbytes(size))


if __name__ == "__main__":
    main()
