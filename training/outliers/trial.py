"""Measures what a bundle refuses: radiographs, which it must not, and all else, which it must.

Each of the known images is also shown turned and inverted; drawn images and the files of a
folder (other body parts, modalities, CT slices) join them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from screening.domain.eligibility import EligibilityRules, Refusal
from screening.domain.failures import FailureReason
from screening.domain.proportions import wilson_interval
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.examination import Failed, examine
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.errors import TrainingError
from training.evaluation.files import estimate_json
from training.inference.bundle_inference import refusals_of
from training.metrics.classification import Estimate
from training.outliers.outlier_images import CHANGES, DRAWN, GreyImage

MOST_REFUSED = 0.01
DRAWN_OF_A_KIND = 50
FIRST_SEED = 10_000
"""The check learnt from drawn images of lower seeds."""
PHANTOM_PIXELS = (512, 480)
PASSED = "passed"
UNREADABLE = "unreadable"
"""The stations record it as failed: it is not scored either."""

_AT_ONCE = 64
_OF_THIS_MACHINE = frozenset({FailureReason.OUT_OF_MEMORY, FailureReason.INTERNAL_ERROR})
"""Failures that say nothing of the file."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """Images of one kind. refuse: whether they must be; reasons: of refusals, with counts."""

    kind: str
    refuse: bool
    images: int
    reasons: Mapping[str, int]

    @property
    def refused(self) -> Estimate:
        """The share that was refused, with Wilson's interval."""
        count = sum(self.reasons.values())
        if not self.images:
            return Estimate(None)
        return Estimate(count / self.images, wilson_interval(count, self.images))


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of all images; passed: files of the folder that should be refused."""

    identity: str
    rows: tuple[TrialRow, ...]
    passed: tuple[str, ...]


def measure_outlier_check(
    ensemble: Ensemble,
    known: Sequence[Path],
    others: Path | None,
    radiographs: Collection[str] = (),
) -> Trial:
    """Show an ensemble known radiographs as they are and changed, drawn images, a folder's files.

    known: files of radiographs that nothing was fitted to; radiographs: subfolders of the folder
    whose files must be scored. Raises TrainingError where the folder or one of these is not there.
    """
    expected = [others, *(others / name for name in radiographs)] if others else []
    for folder in expected:
        if not folder.is_dir():
            raise TrainingError(f"expected a folder of files at {folder}, found none")
    rows = [_row(ensemble, "chest radiographs", _read(known), refuse=False)]
    rows += [
        _row(ensemble, f"chest radiographs, {name}", _changed(known, change), refuse=True)
        for name, change in CHANGES.items()
    ]
    rows += [
        _row(ensemble, name, (draw(FIRST_SEED + n) for n in range(DRAWN_OF_A_KIND)), refuse=True)
        for name, draw in DRAWN.items()
    ]
    phantoms = (phantom_image(FIRST_SEED + n, *PHANTOM_PIXELS) for n in range(DRAWN_OF_A_KIND))
    rows.append(_row(ensemble, "phantoms", phantoms, refuse=False))
    folders, passed = _folder(ensemble, others, radiographs) if others else ([], [])
    return Trial(ensemble.bundle.identity, (*rows, *folders), tuple(passed))


def _read(paths: Iterable[Path]) -> Iterator[GreyImage]:
    return (read_radiograph(path).pixels for path in paths)


def _changed(
    paths: Iterable[Path], change: Callable[[GreyImage], GreyImage]
) -> Iterator[GreyImage]:
    return (change(image) for image in _read(paths))


def _row(ensemble: Ensemble, kind: str, images: Iterator[GreyImage], *, refuse: bool) -> TrialRow:
    reasons: Counter[str] = Counter()
    shown = 0
    while some := list(islice(images, _AT_ONCE)):
        shown += len(some)
        reasons.update(found.reason.value for found in refusals_of(ensemble, some) if found)
    return TrialRow(kind, refuse, shown, dict(sorted(reasons.items())))


def _folder(
    ensemble: Ensemble, folder: Path, radiographs: Collection[str]
) -> tuple[list[TrialRow], list[str]]:
    """Return a row for each subfolder, and the files that pass unduly; CSVs are passed over."""
    found: dict[str, Counter[str]] = {}
    passed = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix.lower() == ".csv":
            continue
        inside = path.relative_to(folder)
        outcome = outcome_of_file(ensemble, path)
        within = inside.parts[0] if len(inside.parts) > 1 else "."
        found.setdefault(within, Counter())[outcome] += 1
        if outcome == PASSED and within not in radiographs:
            passed.append(inside.as_posix())
    rows = [
        TrialRow(
            kind=f"files in {name}",
            refuse=name not in radiographs,
            images=outcomes.total(),
            reasons={reason: n for reason, n in sorted(outcomes.items()) if reason != PASSED},
        )
        for name, outcomes in sorted(found.items())
    ]
    return rows, passed


def outcome_of_file(ensemble: Ensemble, path: Path) -> str:
    """Return what a station makes of one file: the reason of a refusal, unreadable or passed.

    Raises TrainingError where the failure is this machine's and not the file's.
    """
    found = examine(path, EligibilityRules(), ensemble.prepare)
    if isinstance(found, Failed):
        if found.reason in _OF_THIS_MACHINE:
            raise TrainingError(f"{path}: expected a result, found {found.detail}; try again")
        return UNREADABLE
    refusal = found if isinstance(found, Refusal) else ensemble.refusals([found.prepared])[0]
    return refusal.reason.value if refusal else PASSED


def trial_json(trial: Trial) -> dict[str, Any]:
    """Return plain values."""
    return {
        "bundle": trial.identity,
        "most_refused_of_chest_radiographs": MOST_REFUSED,
        "rows": [
            {
                "kind": row.kind,
                "must_be_refused": row.refuse,
                "images": row.images,
                "refused": estimate_json(row.refused),
                "reasons": dict(row.reasons),
            }
            for row in trial.rows
        ],
        "files_that_pass": list(trial.passed),
    }
