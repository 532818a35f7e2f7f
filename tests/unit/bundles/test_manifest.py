"""What manifest.json may say, and how a wrong one is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.bundles.manifest import (
    MANIFEST_NAME,
    manifest_bytes,
    parse_manifest,
    read_manifest_bytes,
)
from screening.domain.scores import Class
from screening.domain.triage import Priority, TriageRule
from screening.errors import BundleError
from tests.bundles.manifests import valid_manifest

DIRECTORY = Path("some-bundle")


def parse(manifest: dict[str, Any]) -> Any:
    """Parse a manifest given as plain JSON values."""
    return parse_manifest(json.dumps(manifest).encode(), DIRECTORY)


def test_a_valid_manifest_is_read_in_the_terms_of_the_domain(tmp_path: Path) -> None:
    """Rules, combination weights and files come out of a valid manifest."""
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(valid_manifest()))
    manifest = parse_manifest(read_manifest_bytes(tmp_path), tmp_path)
    assert manifest.rules == (TriageRule(Priority.STAT, Class.COVID19, 0.9),)
    assert manifest.combination_weights == (0.5, 1.0)
    assert [file.file for file in manifest.files] == [
        "concatenated-1-of-1.npz",
        "coronet-1-of-1.npz",
        "golden-1.png",
    ]


def test_a_written_manifest_reads_back_equal() -> None:
    """Writing and reading a manifest changes nothing, and writing it twice gives the same bytes."""
    manifest = parse(valid_manifest())
    assert parse_manifest(manifest_bytes(manifest), DIRECTORY) == manifest
    assert manifest_bytes(manifest) == manifest_bytes(parse(valid_manifest()))


def test_a_field_that_came_later_is_written_where_it_says_something() -> None:
    """Versions that do not know it read a bundle that does not use it; its input has it."""
    plain, told = valid_manifest(), valid_manifest()
    told["members"][0]["against_normal"] = 0.5
    told["members"][0]["input"]["detail_pixels"] = 64
    assert b"against_normal" not in manifest_bytes(parse(plain))
    assert b"detail_pixels" not in manifest_bytes(parse(plain))
    written = parse_manifest(manifest_bytes(parse(told)), DIRECTORY)
    assert written.members[0].against_normal == 0.5
    assert written.members[0].input.spec.detail_pixels == 64


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    """A directory without a manifest is refused with the path that was looked for."""
    with pytest.raises(BundleError, match=r"manifest\.json: expected a bundle's manifest"):
        parse_manifest(read_manifest_bytes(tmp_path), tmp_path)


Spoil = Callable[[dict[str, Any]], object]
SPOILED: dict[str, tuple[Spoil, str]] = {
    "newer schema": (lambda m: m.update(schema_version=2), "schema_version"),
    "no name": (lambda m: m.pop("name"), "name: Field required"),
    "a name that a report would cut": (lambda m: m.update(name="n" * 58), "name: String"),
    "a version that a report would cut": (lambda m: m.update(version="1" * 58), "version: String"),
    "unknown field": (lambda m: m.update(extra=1), "extra: Extra inputs"),
    "trained as text": (lambda m: m.update(trained="yes"), "trained"),
    "no members": (lambda m: m.update(members=[]), "members"),
    "no rules": (lambda m: m.update(triage_rules=[]), "triage_rules"),
    "no golden images": (lambda m: m.update(golden=[]), "golden"),
    "file above the bundle": (
        lambda m: m["members"][0]["weights"][0].update(file="../weights.npz"),
        "members.0.weights.0.file",
    ),
    "absolute file": (lambda m: m["golden"][0].update(file="/etc/passwd"), "golden.0.file"),
    "hidden file": (lambda m: m["golden"][0].update(file=".golden.png"), "golden.0.file"),
    "short checksum": (
        lambda m: m["members"][1]["weights"][0].update(sha256="abc"),
        "members.1.weights.0.sha256",
    ),
    "empty file": (lambda m: m["golden"][0].update(bytes=0), "golden.0.bytes"),
    "unknown class": (
        lambda m: m["members"][0].update(classes=["covid19", "pneumonia", "healthy"]),
        "members.0.classes",
    ),
    "class twice": (
        lambda m: m["members"][0].update(classes=["covid19", "pneumonia", "normal", "normal"]),
        "members.0.classes",
    ),
    "class not covered": (
        lambda m: m["members"][0].update(classes=["covid19", "normal"]),
        "expected classes that cover covid19, pneumonia, normal",
    ),
    "weight of zero": (lambda m: m["members"][0].update(weight=0), "members.0.weight"),
    "temperature of zero": (
        lambda m: m["members"][0].update(temperature=0),
        "members.0.temperature",
    ),
    "black above white": (
        lambda m: m["members"][0]["input"].update(value_range=[1, 0]),
        "members.0.input.value_range",
    ),
    "tiny input": (lambda m: m["members"][0]["input"].update(height=1), "members.0.input.height"),
    "threshold above one": (
        lambda m: m["triage_rules"][0].update(at_least=1.5),
        "triage_rules.0.at_least",
    ),
    "unknown priority": (
        lambda m: m["triage_rules"][0].update(priority="NOW"),
        "triage_rules.0.priority",
    ),
    "two members of one name": (
        lambda m: m["members"][1].update(name="concatenated"),
        "expected members with names of their own",
    ),
    "two files of one name": (
        lambda m: m["members"][0]["weights"][0].update(file="coronet-1-of-1.npz"),
        "expected files with names of their own",
    ),
    "file named as the manifest": (
        lambda m: m["golden"][0].update(file="manifest.json"),
        "expected a .png file",
    ),
    "golden scores of one member only": (
        lambda m: m["golden"][0]["member_scores"].pop("coronet"),
        "golden-1.png: expected scores of concatenated, coronet",
    ),
    "golden scores too few": (
        lambda m: m["golden"][0]["member_scores"].update(concatenated=[0.5, 0.5]),
        "expected 3 probabilities of concatenated",
    ),
    "golden scores add up to two": (
        lambda m: m["golden"][0]["member_scores"].update(concatenated=[1.0, 0.5, 0.5]),
        "expected 3 probabilities of concatenated",
    ),
    "tolerance that accepts anything": (
        lambda m: m["golden"][0].update(tolerance=1.0),
        "golden.0.tolerance",
    ),
}


@pytest.mark.parametrize(("spoil", "complaint"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_manifest_is_refused_by_path_and_field(spoil: Spoil, complaint: str) -> None:
    """Each wrong field is refused with the manifest's path, the field and what to do."""
    manifest = valid_manifest()
    spoil(manifest)
    with pytest.raises(BundleError) as refusal:
        parse(manifest)
    message = str(refusal.value)
    assert str(DIRECTORY / MANIFEST_NAME) in message
    assert complaint in message
    assert "get the bundle from its source again" in message


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    """A threshold that nothing can reach, or that compares with nothing, is refused."""
    content = json.dumps(valid_manifest()).replace("0.9}", number + "}")
    assert number in content
    with pytest.raises(BundleError):
        parse_manifest(content.encode(), DIRECTORY)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_other_bytes_are_a_bundle_error(content: bytes) -> None:
    """Bytes that are no manifest give a BundleError and never another exception."""
    with pytest.raises(BundleError):
        parse_manifest(content, DIRECTORY)
