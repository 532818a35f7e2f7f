"""The benchmarks in the short form: whatever they would measure comes out right.

`make bench` is the long form.
"""

from pathlib import Path

import pytest

from tests.benchmarks.bars import Row
from tests.benchmarks.page import write_page
from tests.benchmarks.results import measure, read_json, write_json
from tests.benchmarks.suite import ROWS
from tests.services.programs import skip_or_fail

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow, pytest.mark.timeout(900)]
ANY_NETWORKS = ("memory", "start-up")
"""Rows for which a worker must run, with whatever networks: thin ones are there sooner."""


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_is_measured_comes_out_right(
    row: Row, bundle_dir: Path, thin_bundle_dir: Path, tmp_path: Path
) -> None:
    """Counts, digests and scores are compared; the figures go to JSON and to a page."""
    bundles = thin_bundle_dir if row.name in ANY_NETWORKS else bundle_dir
    results = measure([row], is_short=True, bundle_dir=bundles)
    [result] = results.rows
    if result.not_here and row.name == "ensemble-gpu":
        pytest.skip(result.not_here)  # no package brings a GPU
    if result.not_here:
        skip_or_fail(result.not_here)
    assert not result.wrong
    assert result.checked
    assert not result.absent
    write_json(results, tmp_path / "results.json")
    assert read_json(tmp_path / "results.json") == results
    write_page(results, ROWS, tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg") == len({figure.unit for figure in result.figures})
    assert not any(outside in page for outside in ("http:", "https:", "src=", "href=", "@import"))
