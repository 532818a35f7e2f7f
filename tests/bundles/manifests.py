"""Manifests and bundles without networks."""

import hashlib
from pathlib import Path
from typing import Any

from screening.bundles.manifest import MANIFEST_NAME, manifest_bytes, parse_manifest

SHA256 = "0" * 64
WEIGHTS = "member-1-of-1.npz"
GOLDEN = "golden-1.png"


def valid_manifest() -> dict[str, Any]:
    """Return a manifest of two members as plain JSON values."""
    return {
        "schema_version": 1,
        "name": "demo",
        "version": "1.2",
        "trained": True,
        "created_at": "2026-01-02T03:04:05Z",
        "members": [
            {
                "name": "concatenated",
                "architecture": "concatenated",
                "classes": ["covid19", "pneumonia", "normal"],
                "input": {"height": 300, "width": 300, "value_range": [0, 1]},
                "weights": [{"file": "concatenated-1-of-1.npz", "sha256": SHA256, "bytes": 10}],
                "weight": 0.5,
                "temperature": 1.5,
            },
            {
                "name": "coronet",
                "architecture": "coronet",
                "classes": ["covid19", "bacterial_pneumonia", "viral_pneumonia", "normal"],
                "input": {"height": 150, "width": 150, "value_range": [-1.0, 1.0]},
                "weights": [{"file": "coronet-1-of-1.npz", "sha256": SHA256, "bytes": 10}],
            },
        ],
        "triage_rules": [{"priority": "STAT", "class": "covid19", "at_least": 0.9}],
        "preprocessing_fingerprint": "abc",
        "golden": [
            {
                "file": "golden-1.png",
                "sha256": SHA256,
                "bytes": 10,
                "member_scores": {
                    "concatenated": [0.2, 0.3, 0.5],
                    "coronet": [0.25, 0.25, 0.25, 0.25],
                },
                "tolerance": 0.001,
            }
        ],
        "provenance": {"seeds": [1, 2]},
        "limits_of_use": ["research only"],
    }


def write_bundle(directory: Path, name: str = "demo", weights: bytes = b"weights") -> None:
    """Write a bundle whose files have the right checksums and meaningless content."""
    directory.mkdir(parents=True)
    files = {WEIGHTS: weights, GOLDEN: b"picture"}
    entries = {}
    for file, content in files.items():
        (directory / file).write_bytes(content)
        entries[file] = (
            f'"file": "{file}", "bytes": {len(content)}, '
            f'"sha256": "{hashlib.sha256(content).hexdigest()}"'
        )
    content = f"""{{"schema_version": 1, "name": "{name}", "version": "1", "trained": false,
        "members": [{{"name": "member", "architecture": "coronet",
            "classes": ["covid19", "pneumonia", "normal"],
            "input": {{"height": 150, "width": 150, "value_range": [0, 1]}},
            "weights": [{{{entries[WEIGHTS]}}}]}}],
        "triage_rules": [{{"priority": "STAT", "class": "covid19", "at_least": 0.9}}],
        "preprocessing_fingerprint": "abc",
        "golden": [{{{entries[GOLDEN]}, "member_scores": {{"member": [1, 0, 0]}},
            "tolerance": 0.001}}]}}"""
    manifest = parse_manifest(content.encode(), directory)
    (directory / MANIFEST_NAME).write_bytes(manifest_bytes(manifest))
