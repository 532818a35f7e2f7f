"""Compares what a faster runtime scores with TensorFlow's scores, once, before workers use it.

TensorFlow is the reference. Golden scores are compared whenever a bundle is loaded, but they are of
few images; whether decisions hold is seen on many. The comparison is kept in the data folder. It
holds for one bundle, one kind of processor and these versions of the libraries.
"""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from screening.bundles.registry import Bundle
from screening.errors import BundleError
from screening.imaging.fingerprint import fingerprint
from screening.whole_files import write_whole

REFERENCE = "tensorflow"
LARGEST_DIFFERENCE = 1e-3
"""Of one member's probability."""
LEAST_IMAGES = 500
FOLDER = "runtime-comparisons"
_PACKAGES: Mapping[str, Sequence[str]] = {"openvino": ("openvino", "keras")}
"""By runtime: what its scores depend on."""
_PROCESSOR_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class RuntimeComparison:
    """What a runtime made of images that TensorFlow scored as well."""

    bundle: str
    """The bundle's digest."""
    environment: Mapping[str, str]
    """The runtime, what it depends on, and the processor."""
    images: int
    scored: int
    """Images that both scored; the others were refused or failed."""
    furthest: float
    """The largest difference of a member's probability."""
    other_decisions: tuple[str, ...]
    """Where the priority, or why an image is refused, differed: which image, and both."""

    def problem(self) -> str | None:
        """Return why workers must not use the runtime; None where they may."""
        if self.images < LEAST_IMAGES:
            return f"expected at least {LEAST_IMAGES} images compared, found {self.images}"
        if not self.scored:
            return "expected images that are scored, found that all were refused or failed"
        if self.furthest > LARGEST_DIFFERENCE:
            return (
                f"expected probabilities within {LARGEST_DIFFERENCE:g}, found one that differs by "
                f"{self.furthest:.2g}"
            )
        if self.other_decisions:
            return (
                f"expected the same decisions, found {len(self.other_decisions)} others: "
                f"{self.other_decisions[0]}"
            )
        return None


def compare(
    bundle: Bundle,
    runtime: str,
    reference: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
) -> RuntimeComparison:
    """Compare the lines that `screening score --json` gave on TensorFlow and on a runtime.

    Raises ValueError where they are not of the same files.
    """
    furthest, scored, others = 0.0, 0, []
    for number, (ours, theirs) in enumerate(zip(reference, found, strict=True), start=1):
        if ours["path"] != theirs["path"]:
            raise ValueError(f"image {number}: expected scores of one file, found two files")
        if ours["members"] and theirs["members"]:
            scored += 1
            furthest = max(furthest, _furthest(ours["members"], theirs["members"]))
        if _decision(ours) != _decision(theirs):
            others.append(f"image {number}: {_decision(ours)}, {runtime} {_decision(theirs)}")
    return RuntimeComparison(
        bundle.digest, environment(runtime), len(reference), scored, furthest, tuple(others)
    )


def environment(runtime: str) -> dict[str, str]:
    """Return what the scores of a runtime depend on, beside the bundle."""
    packages = {name: _version(name) for name in _PACKAGES.get(runtime, ())}
    return {"runtime": runtime, **packages, "pixels": fingerprint(), "processor": _processor()}


def keep(comparison: RuntimeComparison, data_dir: Path) -> Path:
    """Write a comparison to the data folder, in place of an earlier one of the same kind."""
    path = _path(data_dir, comparison.bundle, comparison.environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(comparison), indent=1).encode())
    return path


def require_comparison(bundle: Bundle, runtime: str, data_dir: Path) -> None:
    """Refuse a runtime that was not compared with TensorFlow here, or that differed.

    TensorFlow needs no comparison, nor does an untrained bundle, whose scores mean nothing. Raises
    BundleError.
    """
    if runtime == REFERENCE or not bundle.manifest.trained:
        return
    here = environment(runtime)
    path = _path(data_dir, bundle.digest, here)
    try:
        kept = RuntimeComparison(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        problem: str | None = f"expected a comparison with TensorFlow in {path.parent}, found none"
    except (OSError, ValueError, TypeError) as error:
        problem = f"{path}: expected a comparison with TensorFlow, found {error}"
    else:
        problem = kept.problem()
    if problem is not None:
        known = ", ".join(f"{name} {value}" for name, value in here.items() if name != "pixels")
        raise BundleError(
            f"bundle {bundle.identity} on {known}: {problem}; run `screening bundles "
            f"compare-runtime {bundle.manifest.name}@{bundle.manifest.version}` on this machine, "
            "or unset SCREENING_RUNTIME"
        )


def _furthest(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    return float(
        max(
            abs(score - theirs[member]["raw"][name])
            for member, scores in ours.items()
            for name, score in scores["raw"].items()
        )
    )


def _decision(line: Mapping[str, Any]) -> str:
    return str(line["priority"] or line["gate"]["reason"])


def _path(data_dir: Path, digest: str, environment: Mapping[str, str]) -> Path:
    about = json.dumps([digest, dict(environment)], sort_keys=True).encode()
    name = f"{environment['runtime']}-{hashlib.sha256(about).hexdigest()[:16]}.json"
    return data_dir / FOLDER / name


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Return the processor's name, by which kernels are chosen."""
    if _PROCESSOR_FILE.exists():
        for line in _PROCESSOR_FILE.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
