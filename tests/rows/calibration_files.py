"""Contents of calibration files: ranks, a grey-level curve beside them, and one alone."""

from datetime import UTC, datetime
from typing import Any

from screening.domain.scores import Class

AT = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
CURVE = {"at": [0.1, 0.9], "values": [0.25, 0.75]}
CONTENT: dict[str, Any] = {
    "schema_version": 1,
    "bundle": {"name": "b", "version": "1", "digest": "a" * 64},
    "calling_ae_title": "CR1",
    "made_at": AT,
    "sample": {
        "images": 40,
        "studies": 40,
        "received_from": AT,
        "received_to": AT,
        "studies_per_day": 40.0,
    },
    "budget": {"STAT": 0.05, "HIGH": 0.15},
    "rules": [{"priority": "STAT", "klass": "covid19", "at_least": 0.95, "measure": "rank"}],
    "ranks": {klass.value: CURVE for klass in Class},
}
LEVELS: dict[str, Any] = {
    "grey_levels": {
        "images": 40,
        "received_from": AT,
        "received_to": AT,
        "becomes": list(range(256)),
    }
}
ALONE: dict[str, Any] = {
    **LEVELS,
    "rules": [{**CONTENT["rules"][0], "measure": "probability"}],
    "ranks": {},
    "budget": {},
}
