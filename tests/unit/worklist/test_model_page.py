"""The page that says what the scores mean: from the bundle's own manifest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from screening.bundles.registry import RELEASED_DIRECTORY, find_bundles
from screening.db.session import Database
from screening.settings import Settings
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.sites.web_app import Client, make_app

Get = Callable[[str], httpx.Response]
FIGURE = {
    "figure": "COVID-19 sensitivity",
    "limit": 0.96,
    "at_most": False,
    "measured": {"value": 0.8661, "low": 0.8, "high": 0.923},
    "reached": False,
}
PART = {"images": 142, "sensitivity": {"value": 0.866, "low": 0.8, "high": 0.92}, "roc_area": {}}
MANIFEST: dict[str, Any] = {
    "members": [{"name": "coronet", "architecture": "coronet"}],
    "triage_rules": [{"priority": "STAT", "class": "covid19", "at_least": 0.642}],
    "limits_of_use": ["For frontal chest radiographs of adults; <not> for CT."],
    "provenance": {
        "metrics": {"figures": [FIGURE], "ensemble": {"pooled": {"classes": {"covid19": PART}}}}
    },
}


@pytest.fixture
def get(migrated_database: Database, tmp_path: Path) -> Get:
    """Return a function that asks the application."""
    return Client(make_app(migrated_database, Settings(data_dir=tmp_path))).get


def _activate(database: Database, manifest: dict[str, Any], **columns: Any) -> str:
    with database.write() as session:
        return add_bundle(session, manifest=manifest, **columns).digest


def test_every_page_links_what_the_scores_mean(get: Get, migrated_database: Database) -> None:
    """From the list, from a study, and from each result to the bundle that made it."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        add_score(session, add_instance(session, "1.2.3"), bundle, priority="LOW", covid19=0.1)
        digest = bundle.digest
    assert 'href="/model"' in get("/").text
    study = get("/studies/1.2.3").text
    assert 'href="/model"' in study
    assert f'href="/model/{digest}"' in study


def test_limits_rules_and_figures_are_the_manifests(get: Get, migrated_database: Database) -> None:
    """With the figures that it does not reach said first."""
    _activate(migrated_database, MANIFEST)
    page = get("/model").text
    for words in (
        "It is not the probability that this patient has the disease",
        "For frontal chest radiographs of adults; &lt;not&gt; for CT.",
        "64.2 %",
        "It misses 1 of 1 targets.",
        "at least 96 %",
        "86.6 % (80.0–92.3)",  # noqa: RUF001  an en dash between numbers
        "142",
    ):
        assert words in page


def test_the_released_bundles_card_is_shown_in_full(get: Get, migrated_database: Database) -> None:
    """What training writes is where the page looks for it."""
    (bundle,) = find_bundles([RELEASED_DIRECTORY])
    manifest = json.loads((bundle.directory / "manifest.json").read_text(encoding="utf-8"))
    _activate(migrated_database, manifest)
    page = get("/model").text
    assert len(manifest["limits_of_use"]) > 1
    assert all(limit.split("'")[0] in page for limit in manifest["limits_of_use"])
    figures = manifest["provenance"]["metrics"]["figures"]
    assert all(each["figure"] in page for each in figures)
    assert page.count("not reached") == sum(not each["reached"] for each in figures) > 0
    assert "Calibration error" in page


def test_an_untrained_bundle_has_a_banner_and_no_figures(
    get: Get, migrated_database: Database
) -> None:
    """Nothing suggests that its scores mean something."""
    _activate(migrated_database, {}, trained=False)
    page = get("/model").text
    assert "untrained-banner" in page
    assert "has no measured figures" in page


@pytest.mark.parametrize(
    "damage",
    [
        {"provenance": None},
        {"provenance": {"metrics": []}},
        {"provenance": {"metrics": {"figures": [3, {}, {"measured": {"value": "high"}}]}}},
        {"provenance": {"metrics": {"ensemble": {"pooled": {"classes": {"covid19": None}}}}}},
        {"triage_rules": [{"class": "cold", "at_least": 0.5}, {"class": "normal"}]},
        {"limits_of_use": "none", "members": {"a": 1}},
    ],
)
def test_a_manifest_that_others_wrote_spoils_no_page(
    get: Get, migrated_database: Database, damage: dict[str, Any]
) -> None:
    """What is not where our training puts it is left out."""
    _activate(migrated_database, MANIFEST | damage)
    assert get("/model").status_code == 200


def test_before_a_bundle_is_active_the_page_says_so(get: Get) -> None:
    """The general part is there all the same."""
    page = get("/model").text
    assert "No bundle is active yet" in page
    assert "Read every image" in page


@pytest.mark.parametrize("digest", ["0" * 64, "DOE%5EJANE", "%00"])
def test_an_unknown_bundle_is_not_found(get: Get, digest: str) -> None:
    """The answer repeats nothing of the address."""
    answer = get(f"/model/{digest}")
    assert answer.status_code == 404
    assert "Bundle not found" in answer.text
    assert "DOE" not in answer.text


def test_a_retired_bundle_keeps_its_page(get: Get, migrated_database: Database) -> None:
    """Results that still stand are its own."""
    digest = _activate(migrated_database, MANIFEST, name="old", role="retired")
    page = get(f"/model/{digest}").text
    assert "Bundle old 1" in page
    assert "no longer scores new images" in page
