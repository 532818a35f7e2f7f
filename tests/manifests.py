"""A manifest as a bundle holds it."""

from typing import Any

SHA256 = "0" * 64


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
