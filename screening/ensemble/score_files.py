"""Score files without a database or a server: the same checks, pixels and ensemble."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from screening.domain.eligibility import EligibilityRules, Refusal
from screening.domain.grey_curve import GreyCurve
from screening.domain.scores import EnsembleScores
from screening.domain.triage import triage
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.examination import Failed, Ready, examine
from screening.imaging.network_input.grey_levels import grey_curve

FILES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class FileScore:
    """What became of one file; `scores` only where it was classified."""

    path: Path
    state: str
    reason: str | None
    detail: str | None
    scores: EnsembleScores | None
    priority: str | None
    bundle: str
    trained: bool

    def as_dict(self) -> dict[str, Any]:
        """Return what one JSON line says of the file."""
        scores = self.scores
        return {
            "path": str(self.path),
            "gate": {"state": self.state, "reason": self.reason, "detail": self.detail},
            "classes": scores.ensemble.as_dict() if scores else None,
            "members": {
                member.member: {
                    "raw": dict(member.raw),
                    "calibrated": member.calibrated.as_dict(),
                }
                for member in scores.members
            }
            if scores
            else None,
            "priority": self.priority,
            "bundle": self.bundle,
            "trained": self.trained,
        }


def score_files(
    ensemble: Ensemble,
    files: Iterable[Path],
    rules: EligibilityRules,
    curve: GreyCurve | None = None,
) -> Iterator[FileScore]:
    """Score DICOM, PNG and JPEG files, in order; a bad file is a result, never an exception.

    curve: the site's grey-level curve, as a worker applies it.
    """
    waiting = iter(files)
    prepare = partial(ensemble.prepare, curve=curve)
    while some := list(islice(waiting, FILES_AT_ONCE)):
        examined = [examine(path, rules, prepare) for path in some]
        ready = [found for found in examined if isinstance(found, Ready)]
        screened = iter(ensemble.screen([found.prepared for found in ready]))
        for path, found in zip(some, examined, strict=True):
            yield _file_score(path, next(screened) if isinstance(found, Ready) else found, ensemble)


def curve_of_files(
    ensemble: Ensemble,
    files: Iterable[Path],
    rules: EligibilityRules,
    training_levels: Sequence[float],
    *,
    most: int,
) -> GreyCurve | None:
    """Return the grey-level curve that the first files give which could be scored, up to `most`.

    training_levels: of the bundle's reference. None where no file could be scored.
    """
    found: list[tuple[float, ...]] = []
    for path in files:
        examined = examine(path, rules, ensemble.prepare)
        if isinstance(examined, Ready) and examined.prepared.refusal is None:
            found.append(ensemble.level_quantiles(examined.prepared))
        if len(found) == most:
            break
    return grey_curve(found, training_levels) if found else None


def _file_score(
    path: Path, found: EnsembleScores | Refusal | Failed, ensemble: Ensemble
) -> FileScore:
    manifest = ensemble.bundle.manifest
    state, reason, detail, scores = "classified", None, None, None
    if isinstance(found, EnsembleScores):
        scores = found
    elif isinstance(found, Failed):
        state, reason, detail = "failed", found.reason.value, found.detail
    else:
        state, reason, detail = "not_applicable", found.reason.value, found.found
    return FileScore(
        path=path,
        state=state,
        reason=reason,
        detail=detail,
        scores=scores,
        priority=triage(scores.ensemble, manifest.rules).priority.value if scores else None,
        bundle=ensemble.bundle.identity,
        trained=manifest.trained,
    )
