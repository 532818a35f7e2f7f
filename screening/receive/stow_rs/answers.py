"""What a Store transaction is answered: HTTP status and Store Instances Response.

Sources: DICOM PS3.18 section 10.5.3, annex I.2 (attributes, Failure Reason), annex F (DICOM JSON).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from screening.dimse.messages import Refusal
from screening.receive.objects.intake import Outcome, Request
from screening.receive.statuses import PROCESSING_FAILURE

DICOM_JSON = "application/dicom+json"
PROBLEM_JSON = "application/problem+json"
RETRIEVE_URL, FAILURE_REASON = "00081190", "00081197"
REFERENCED_SOP_CLASS_UID, REFERENCED_SOP_INSTANCE_UID = "00081150", "00081155"
FAILED_SOP_SEQUENCE, REFERENCED_SOP_SEQUENCE = "00081198", "00081199"
OTHER_FAILURES_SEQUENCE = "0008119A"
RETRY_AFTER_S = 5
"""What a sender is asked to wait where the service is busy, or cannot store now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; `text` says what is wrong, for the log."""

    status: int
    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class StatusRule:
    """An HTTP status for a transaction that stored nothing."""

    http_status: int
    failure_reasons: range
    of_all: bool
    """Whether all instances must have failed for one of these reasons; else one is enough."""


NOTHING_STORED: Sequence[StatusRule] = (
    StatusRule(503, range(0xA700, 0xA800), of_all=False),
    StatusRule(500, range(PROCESSING_FAILURE, PROCESSING_FAILURE + 1), of_all=False),
    StatusRule(413, range(0xC002, 0xC003), of_all=True),
    StatusRule(409, range(0x10000), of_all=True),
)
"""The first that fits counts."""
ALL_STORED, SOME_STORED = 200, 202


@dataclass(frozen=True, slots=True)
class Instance:
    """What became of one part of the payload."""

    request: Request
    outcome: Outcome | Refusal


def http_status(instances: Sequence[Instance], ended_early: int | None) -> int:
    """Return the HTTP status of a transaction.

    ended_early: the status of what made it end before its payload, None where nothing did.
    """
    reasons = [one.outcome.status for one in instances if isinstance(one.outcome, Refusal)]
    if len(reasons) < len(instances):
        return SOME_STORED if reasons or ended_early else ALL_STORED
    if ended_early is not None:
        return ended_early
    for rule in NOTHING_STORED:
        fits = [reason in rule.failure_reasons for reason in reasons]
        if reasons and (all(fits) if rule.of_all else any(fits)):
            return rule.http_status
    return 400


def store_response(instances: Sequence[Instance]) -> dict[str, Any]:
    """Return the Store Instances Response in DICOM JSON.

    Retrieve URL is empty: there is no Retrieve. An instance that failed before it told its UIDs is
    among the Other Failures.
    """
    stored, failed, others = [], [], []
    for one in instances:
        named = {
            REFERENCED_SOP_CLASS_UID: _element("UI", one.request.sop_class_uid),
            REFERENCED_SOP_INSTANCE_UID: _element("UI", one.request.sop_instance_uid),
        }
        if not isinstance(one.outcome, Refusal):
            stored.append({**named, RETRIEVE_URL: {"vr": "UR"}})
            continue
        reason = {FAILURE_REASON: _element("US", one.outcome.status)}
        if one.request.sop_class_uid and one.request.sop_instance_uid:
            failed.append({**named, **reason})
        else:
            others.append(reason)
    sequences = {
        FAILED_SOP_SEQUENCE: failed,
        REFERENCED_SOP_SEQUENCE: stored,
        OTHER_FAILURES_SEQUENCE: others,
    }
    return {RETRIEVE_URL: {"vr": "UR"}} | {
        tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items
    }


def _element(vr: str, value: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def stored_answer(instances: Sequence[Instance], ended_early: int | None = None) -> Answer:
    """Return the answer of a transaction whose instances were looked at, one by one."""
    status = http_status(instances, ended_early)
    body = json.dumps(store_response(instances)).encode()
    return Answer(status, body, DICOM_JSON, _headers(status, is_over=ended_early is not None))


def problem(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, is_over: bool = False
) -> Answer:
    """Return an answer that is about the request and no instance. Source: RFC 9457.

    is_over: nothing more is read of this connection.
    """
    body = json.dumps({"status": status, "detail": text}).encode()
    all_headers = {**_headers(status, is_over=is_over), **(headers or {})}
    return Answer(status, body, PROBLEM_JSON, all_headers, text)


def _headers(status: int, *, is_over: bool) -> dict[str, str]:
    wait = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}  # noqa: PLR2004
    return {**wait, **({"Connection": "close"} if is_over else {})}
