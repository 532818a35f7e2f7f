"""STOW-RS to a DICOMweb server: the stored bytes, one object a request, its answer read per object.

Made here rather than by dicomweb-client, which encodes objects anew (docs/decisions/0030).
Sources: DICOM PS3.18 sections 8.6.1.2 and 10.5, annex I.2; RFC 2387.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from screening.delivery.http_entry import HttpDestinationSettings
from screening.delivery.http_sending import (
    NO_ANSWER,
    NO_CREDENTIALS,
    UNREACHABLE,
    HttpRequester,
    HttpRule,
    requester,
    rule_of,
    sent_one_by_one,
)
from screening.delivery.kind import (
    KINDS,
    Answer,
    Check,
    DestinationKind,
    Ending,
    Site,
    StoredReport,
)
from screening.delivery.rendering import DICOM, Rendering
from screening.storage_scu.outcomes import Outcome, status_rule
from screening.transport.http_client import HttpAnswer, HttpClient, host_of

STORED, MAY_PASS, FAILED, UNSAID = "stored", "may pass", "failed", "unsaid"
UNAVAILABLE, REFUSED, NOT_LET_IN, ELSEWHERE = "unavailable", "refused", "not let in", "elsewhere"
OUTCOMES: Mapping[str, Ending] = {
    STORED: Ending.DELIVERED,
    MAY_PASS: Ending.RETRY,
    UNSAID: Ending.RETRY,
    UNAVAILABLE: Ending.RETRY,
    NO_ANSWER: Ending.RETRY,
    UNREACHABLE: Ending.RETRY,
    FAILED: Ending.REFUSED,
    REFUSED: Ending.REFUSED,
    NOT_LET_IN: Ending.PAUSED,
    ELSEWHERE: Ending.PAUSED,
    NO_CREDENTIALS: Ending.PAUSED,
}


HTTP_RULES: tuple[HttpRule, ...] = (
    HttpRule(200, 201, STORED, "stored"),
    HttpRule(204, 204, STORED, "stored"),
    HttpRule(202, 202, UNSAID, "some objects were stored, and this one is not named"),
    HttpRule(200, 299, UNSAID, "taken, and not said to be stored"),
    HttpRule(300, 399, ELSEWHERE, "redirected, which is not followed; correct url"),
    HttpRule(401, 401, NOT_LET_IN, "not let in; see the credentials"),
    HttpRule(403, 403, NOT_LET_IN, "not allowed; let us store there"),
    HttpRule(407, 407, NOT_LET_IN, "a proxy does not let us pass"),
    HttpRule(404, 405, ELSEWHERE, "there is no STOW-RS service; correct url"),
    HttpRule(406, 406, ELSEWHERE, "it does not answer in DICOM JSON"),
    HttpRule(410, 410, ELSEWHERE, "the service is gone; correct url"),
    HttpRule(415, 415, ELSEWHERE, "it does not take objects of type application/dicom"),
    HttpRule(408, 408, UNAVAILABLE, "it waited too long for us"),
    HttpRule(425, 425, UNAVAILABLE, "it wants the object later"),
    HttpRule(429, 429, UNAVAILABLE, "it has too much to do"),
    HttpRule(409, 409, REFUSED, "nothing was stored"),
    HttpRule(413, 413, REFUSED, "the object is too large for it"),
    HttpRule(400, 499, REFUSED, "refused"),
    HttpRule(501, 501, ELSEWHERE, "it does not do STOW-RS; correct url"),
    HttpRule(500, 599, UNAVAILABLE, "it cannot store it now"),
    HttpRule(0, 999, UNSAID, "a status outside the standard"),
)
"""The first rule that holds a status applies, where the answer says nothing else of the object.
Source: PS3.18 table 10.5.3-1, RFC 9110."""
OUTCOME_OF_REASON: Mapping[Outcome, str] = {
    Outcome.DELIVERED: STORED,
    Outcome.RETRY: MAY_PASS,
    Outcome.REFUSED: FAILED,
}
"""A Failure Reason (0008,1197) is a status of C-STORE. Source: PS3.18 section I.2.2."""
REFERENCED, FAILURES = "00081199", "00081198"
INSTANCE, FAILURE_REASON, WARNING_REASON = "00081155", "00081197", "00081196"
STORING = range(200, 300)
SEARCHES_NOT = frozenset({405, 406, 501})
"""Statuses of a server that offers no search, which STOW-RS does not need."""
NOTHING = "2.25.0"
"""A UID that no study has."""


class StowSettings(HttpDestinationSettings):
    """A DICOMweb server; `url` is the root of its service, to which /studies is added."""


@dataclass(frozen=True, slots=True)
class StowSender:
    """Sends each report by itself, so that the answer is about it."""

    studies_url: str
    requester: HttpRequester

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Send the stored bytes."""
        return sent_one_by_one(self.requester, reports, self._sent)

    def test(self) -> Iterator[Check]:
        """Search for a study that nobody has: whoever lets us do that most likely lets us store."""
        url = f"{self.studies_url}?StudyInstanceUID={NOTHING}&limit=1"
        with self.requester.connected() as client:
            answer = self.requester.ask(client, "GET", url, {"Accept": "application/dicom+json"})
        if isinstance(answer, Answer):
            yield Check("reachable", passed=False, message=answer.message)
            return
        yield Check("reachable", passed=True, message=f"{host_of(self.studies_url)} answers")
        yield _accepted(answer.status)

    def _sent(self, client: HttpClient, report: StoredReport) -> Answer:
        headers, body = _message(report)
        answer = self.requester.ask(client, "POST", self.studies_url, headers, body)
        if isinstance(answer, Answer):
            return answer
        return judged(answer, report.sop_instance_uid)


def judged(answer: HttpAnswer, sop_instance_uid: str) -> Answer:
    """Return what an answer says of one object: by its own entry, else by the HTTP status."""
    rule = rule_of(answer.status, HTTP_RULES)
    status = str(answer.status)
    said = _object(answer.body)
    if failure := _entry(said, FAILURES, sop_instance_uid):
        reason = _number(failure, FAILURE_REASON)
        if reason is None:
            return Answer(FAILED, status, "the server names it as failed and gives no reason")
        of_reason = status_rule(reason)
        outcome = OUTCOME_OF_REASON[of_reason.outcome]
        return Answer(outcome, f"{status} 0x{reason:04X}", of_reason.meaning)
    stored = _entry(said, REFERENCED, sop_instance_uid)
    if stored and answer.status in STORING:
        warning = _number(stored, WARNING_REASON)
        told = f"{status} 0x{warning:04X}" if warning else status
        return Answer(STORED, told, "stored with a warning" if warning else "stored")
    return Answer(rule.outcome, status, rule.meaning)


def _message(report: StoredReport) -> tuple[dict[str, str], bytes]:
    """Return headers and body; the same each time, since the boundary comes from the bytes."""
    boundary = hashlib.sha256(report.content).hexdigest()
    kind = f'multipart/related; type="{DICOM}"; boundary={boundary}'
    head = f"--{boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode()
    body = head + report.content + f"\r\n--{boundary}--\r\n".encode()
    return {"Content-Type": kind, "Accept": "application/dicom+json"}, body


def _accepted(status: int) -> Check:
    if status in STORING:
        return Check("accepted", passed=True, message="it lets us search; storing is not tried")
    rule = rule_of(status, HTTP_RULES)
    if status in SEARCHES_NOT or rule.outcome == REFUSED:
        message = f"it answers a search with {status}; whether it stores is not known"
        return Check("accepted", passed=True, message=message)
    return Check("accepted", passed=False, message=f"status {status}: {rule.meaning}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    if isinstance(said, list) and said:  # some servers wrap it in an array
        said = said[0]
    return said if isinstance(said, dict) else {}


def _entry(said: Mapping[str, Any], sequence: str, sop_instance_uid: str) -> dict[str, Any] | None:
    """Return what a sequence of the answer says of one object; whatever is malformed is nothing."""
    for item in _values(said, sequence):
        if isinstance(item, dict) and sop_instance_uid in _values(item, INSTANCE):
            return item
    return None


def _number(item: Mapping[str, Any], tag: str) -> int | None:
    found = next(iter(_values(item, tag)), None)
    is_status = isinstance(found, int) and 0 <= found <= 0xFFFF  # noqa: PLR2004  US
    return found if is_status else None


def _values(item: Mapping[str, Any], tag: str) -> list[Any]:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _connect(chosen: StowSettings, rendering: Rendering, site: Site) -> StowSender:
    del rendering
    return StowSender(f"{chosen.url.rstrip('/')}/studies", requester(chosen, site))


KINDS.register(
    DestinationKind(
        name="stow-rs",
        meaning="STOW-RS to a DICOMweb server",
        settings=StowSettings,
        media_types=frozenset({DICOM}),
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
