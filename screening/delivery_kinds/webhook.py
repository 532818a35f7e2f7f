"""A webhook: each result as signed JSON by POST, as Standard Webhooks says.

Source: Standard Webhooks specification 1.0 (identifiers, timestamps, symmetric signatures).
"""

import base64
import binascii
import hmac
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import model_validator

import screening
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
from screening.delivery.rendering import JSON, Rendering
from screening.errors import SettingsError
from screening.transport.http_client import HttpAnswer, HttpClient, host_of
from screening.transport.secret_file import read_secret

TAKEN, LATER, REFUSED = "taken", "later", "refused"
NOT_LET_IN, ELSEWHERE = "not let in", "elsewhere"
OUTCOMES: Mapping[str, Ending] = {
    TAKEN: Ending.DELIVERED,
    LATER: Ending.RETRY,
    NO_ANSWER: Ending.RETRY,
    UNREACHABLE: Ending.RETRY,
    REFUSED: Ending.REFUSED,
    NOT_LET_IN: Ending.PAUSED,
    ELSEWHERE: Ending.PAUSED,
    NO_CREDENTIALS: Ending.PAUSED,
}
HTTP_RULES: tuple[HttpRule, ...] = (
    HttpRule(200, 299, TAKEN, "taken"),
    HttpRule(300, 399, ELSEWHERE, "redirected, which is not followed; correct url"),
    HttpRule(401, 401, NOT_LET_IN, "not let in; see secret and credentials"),
    HttpRule(403, 403, NOT_LET_IN, "not allowed; see secret and credentials"),
    HttpRule(404, 405, ELSEWHERE, "nothing takes results there; correct url"),
    HttpRule(407, 407, NOT_LET_IN, "a proxy does not let us pass"),
    HttpRule(408, 408, LATER, "it waited too long for us"),
    HttpRule(409, 409, LATER, "it is busy with the same result"),
    HttpRule(410, 410, ELSEWHERE, "it wants no more results; remove the destination"),
    HttpRule(415, 415, ELSEWHERE, "it does not take JSON"),
    HttpRule(425, 425, LATER, "it wants the result later"),
    HttpRule(429, 429, LATER, "it has too much to do"),
    HttpRule(400, 499, REFUSED, "refused"),
    HttpRule(501, 501, ELSEWHERE, "it does not take a POST; correct url"),
    HttpRule(500, 599, LATER, "it cannot take it now"),
    HttpRule(0, 999, LATER, "a status outside the standard"),
)
"""The first rule that holds a status applies. Source: RFC 9110."""
SECRET_PREFIX = "whsec_"  # noqa: S105  the prefix of every secret
SHORTEST_SECRET_BYTES, LONGEST_SECRET_BYTES = 24, 64
PING = b'{"version":"1","type":"ping"}'
"""As `screening.renderings.json_result.body` has it."""
PATIENT_PROFILE = "json_with_patient"


class WebhookSettings(HttpDestinationSettings):
    """A server that takes results by POST."""

    secret_file: Path
    """Holds whsec_ and 24 to 64 bytes in base64, which both sides know."""
    profile: str = "json"

    @model_validator(mode="after")
    def _sends_patients_over_tls(self) -> Self:
        if self.profile == PATIENT_PROFILE:
            self._require_tls(self.url)
        return self


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Posts each result under its id, by which the server knows one that comes again."""

    url: str
    secret_file: Path
    requester: HttpRequester

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Post the stored bytes, each with a signature of its moment."""
        return sent_one_by_one(self.requester, reports, self._sent)

    def test(self) -> Iterator[Check]:
        """Post a signed ping, which has no effect."""
        moment = f"ping-{time.time_ns()}"
        with self.requester.connected() as client:
            answer = self._posted(client, moment, PING)
        if isinstance(answer, Answer):
            yield Check("reachable", passed=False, message=answer.message)
            return
        rule = rule_of(answer.status, HTTP_RULES)
        yield Check("reachable", passed=True, message=f"{host_of(self.url)} answers")
        message = f"answered a ping with {answer.status}: {rule.meaning}"
        yield Check("accepted", passed=rule.outcome == TAKEN, message=message)

    def _sent(self, client: HttpClient, report: StoredReport) -> Answer:
        answer = self._posted(client, report.sop_instance_uid, report.content)
        if isinstance(answer, Answer):
            return answer
        rule = rule_of(answer.status, HTTP_RULES)
        return Answer(rule.outcome, str(answer.status), rule.meaning)

    def _posted(self, client: HttpClient, identifier: str, body: bytes) -> HttpAnswer | Answer:
        try:
            key = signing_key(self.secret_file)
        except SettingsError as error:
            return Answer(NO_CREDENTIALS, "", str(error))
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": JSON,
            "User-Agent": f"screening/{screening.__version__}",
            "Idempotency-Key": f'"{identifier}"',
            "webhook-id": identifier,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(key, identifier, timestamp, body),
        }
        return self.requester.ask(client, "POST", self.url, headers, body)


def signing_key(path: Path) -> bytes:
    """Return the bytes of a secret. Raises SettingsError where the file does not hold one."""
    secret = read_secret(path)
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    is_long_enough = SHORTEST_SECRET_BYTES <= len(key) <= LONGEST_SECRET_BYTES
    if not secret.startswith(SECRET_PREFIX) or not is_long_enough:
        raise SettingsError(
            f"expected {SECRET_PREFIX} and {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} bytes "
            f"in base64 in {path}, found something else; make one with openssl rand -base64 32"
        )
    return key


def signature(key: bytes, identifier: str, timestamp: str, body: bytes) -> str:
    """Return the header that says that the body is ours and of this moment (HMAC-SHA256)."""
    signed = b".".join((identifier.encode(), timestamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def _connect(chosen: WebhookSettings, rendering: Rendering, site: Site) -> WebhookSender:
    del rendering
    signing_key(chosen.secret_file)
    return WebhookSender(chosen.url, chosen.secret_file, requester(chosen, site))


KINDS.register(
    DestinationKind(
        name="webhook",
        meaning="signed JSON by HTTP POST",
        settings=WebhookSettings,
        media_types=frozenset({JSON}),
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
