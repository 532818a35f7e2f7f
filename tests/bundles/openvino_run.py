"""What the released bundle gives on OpenVINO, as JSON: `python -m tests.bundles.openvino_run`.

A process of its own: another one may have Keras loaded, with TensorFlow.
"""

import json
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from screening.settings import choose_runtime

choose_runtime("openvino")
from screening.bundles.registry import RELEASED_DIRECTORY, find_bundles  # noqa: E402  after choice
from screening.ensemble.ensemble import Ensemble  # noqa: E402
from screening.ensemble.golden_check import read_grey  # noqa: E402

MEMORY_BYTES = 150_000_000
"""More than the process has: enough for one image's network, too little for a large batch."""
LARGE = 6


def main() -> None:
    """Load, verify, infer the golden images alone and together, and a batch without memory."""
    (bundle,) = find_bundles([RELEASED_DIRECTORY])
    ensemble = Ensemble.load(bundle)
    ensemble.verify_golden()
    images = [read_grey(bundle.directory / one.file) for one in bundle.manifest.golden]
    with ThreadPoolExecutor(3) as threads:
        prepared = list(threads.map(ensemble.prepare, images))
    found = {
        "together": [_told(one) for one in ensemble.infer(prepared)],
        "alone": _told(ensemble.infer(prepared[-1:])[0]),
        "lungs": [one.box is not None for one in prepared],
    }
    _limit_memory()
    ensemble.screen((prepared * LARGE)[:LARGE])
    found |= {"batch": LARGE, "most at once": ensemble._memory_limit.size}
    found["loaded"] = [
        name for name in ("tensorflow", "openvino_telemetry", "openvino") if sys.modules.get(name)
    ]
    print(json.dumps(found))


def _told(inferred: Any) -> dict[str, Any]:
    return {
        "raw": [list(member.raw.values()) for member in inferred.scores.members],
        "refused": inferred.refusal is not None,
        "distance": inferred.statistics.feature_distance,
        "features": inferred.statistics.features,
    }


def _limit_memory() -> None:
    """Leave the process so much memory more than it has."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    has = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY_BYTES,) * 2)


if __name__ == "__main__":
    main()
