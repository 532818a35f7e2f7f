"""HL7 v2 over MLLP: the stored message, its header addressed to the receiver, and its answer read.

Original mode: one application acknowledgement (AA, AE, AR). Enhanced mode: an accept
acknowledgement (CA, CE, CR), which MSH-15 asks for always, and no other, as MSH-16 says.
Source: HL7 v2.5.1 sections 2.9.2, 2.9.3, 2.15.5 (ERR), 2.15.8 (MSA); tables 0008 and 0357.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import (
    KINDS,
    Answer,
    Check,
    DestinationKind,
    Ending,
    Site,
    StoredReport,
)
from screening.delivery.rendering import HL7, Rendering
from screening.transport.mllp import (
    ConnectionEndedError,
    MllpConnection,
    MllpServer,
    NoConnectionError,
    NoFrameError,
)
from screening.transport.tls import client_context

TAKEN, BUSY, REFUSED, NOT_UNDERSTOOD = "taken", "busy", "refused", "not understood"
NO_CONNECTION, NO_ANSWER, ODD = "no connection", "no answer", "odd"
OUTCOMES: Mapping[str, Ending] = {
    TAKEN: Ending.DELIVERED,
    BUSY: Ending.RETRY,
    NO_CONNECTION: Ending.RETRY,
    NO_ANSWER: Ending.RETRY,
    ODD: Ending.RETRY,
    REFUSED: Ending.REFUSED,
    NOT_UNDERSTOOD: Ending.PAUSED,
}


@dataclass(frozen=True, slots=True)
class AcknowledgementRule:
    """What an acknowledgement means for the message."""

    codes: tuple[str, ...]
    """Of MSA-1."""
    errors: tuple[str, ...]
    """Of ERR-3; empty: any, or none."""
    outcome: str
    meaning: str


ACKNOWLEDGEMENTS: tuple[AcknowledgementRule, ...] = (
    AcknowledgementRule(("AA", "CA"), (), TAKEN, "taken"),
    AcknowledgementRule(
        ("AE", "AR", "CE", "CR"),
        ("200", "201", "202", "203"),
        NOT_UNDERSTOOD,
        "it takes no such messages: see message type, event, processing ID and version there",
    ),
    AcknowledgementRule(
        ("AE", "AR", "CE", "CR"), ("206",), BUSY, "a record there is locked, it may take it later"
    ),
    AcknowledgementRule(
        ("AE", "AR", "CE", "CR"), ("207",), BUSY, "an internal error there, it may take it later"
    ),
    AcknowledgementRule(
        ("AR", "CE"), (), BUSY, "rejected for no reason in the message, it may take it later"
    ),
    AcknowledgementRule(("AE", "CR"), (), REFUSED, "it finds an error in the message: see its log"),
)
"""The first rule that names both applies."""
ODD_MEANING = "it is no acknowledgement of this message: see what listens there"
_OTHERS_SKIPPED = 10
"""Late answers to earlier messages that are passed over."""
_CODE = re.compile(r"[A-Z0-9]{1,6}")
_PLACE = re.compile(r"[A-Z][A-Z0-9]{2}(?:\^\d{0,3}){0,5}")
Name = Annotated[str, Field(pattern=r"^[^|~\\&\x00-\x1f\x7f]{0,227}$")]
"""HD, its components separated by ^."""


class MllpSettings(DestinationSettings):
    """A receiver of HL7 v2 messages."""

    host: str
    port: int = Field(ge=1, le=65535)
    timeout_s: float = Field(20, gt=0, le=25)
    """For the connection, and for each answer; together less than the lease of a delivery."""
    tls: bool = False
    tls_server_name: str = ""
    """The name in its certificate, where that is not `host`."""
    sending_application: Name = "SCREENING"
    sending_facility: Name = ""
    receiving_application: Name = ""
    receiving_facility: Name = ""
    processing_id: Literal["P", "T", "D"] = "P"
    """Production, training or debugging (MSH-11)."""
    acknowledgement: Literal["original", "enhanced"] = "original"
    """Whether it answers when it has processed a message, or when it has stored it."""
    profile: str = "oru_r01"


@dataclass(frozen=True, slots=True)
class MllpSender:
    """Sends messages to one receiver."""

    server: MllpServer
    header: Mapping[int, str]
    """What is filled into MSH, by the field's number."""

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Send messages over one connection; over a new one after an answer that did not come."""
        waiting = deque(reports)
        while waiting:
            try:
                connection = MllpConnection(self.server)
            except NoConnectionError as error:
                yield from [Answer(NO_CONNECTION, "", str(error))] * len(waiting)
                return
            with closing(connection):
                yield from self._sent_over(connection, waiting)

    def _sent_over(
        self, connection: MllpConnection, waiting: deque[StoredReport]
    ) -> Iterator[Answer]:
        """Send what waits until the connection is of no use any more.

        Many receivers close after each answer. What was sent just then is left waiting; it has its
        control ID, by which they know one that comes again.
        """
        is_new = True
        while waiting and (is_new or connection.is_idle):
            try:
                answer = self._sent(connection, waiting[0])
            except ConnectionEndedError as error:
                if not is_new:
                    return
                answer = Answer(NO_ANSWER, "", str(error))
            waiting.popleft()
            yield answer
            if answer.outcome in {NO_ANSWER, ODD}:
                return
            is_new = False

    def test(self) -> Iterator[Check]:
        """Connect, and send nothing."""
        try:
            MllpConnection(self.server).close()
        except NoConnectionError as error:
            yield Check("reachable", passed=False, message=str(error))
        else:
            message = f"{self.server.address} listens; whether it takes messages is not tried"
            yield Check("reachable", passed=True, message=message)

    def _sent(self, connection: MllpConnection, report: StoredReport) -> Answer:
        message = addressed(report.content, self.header)
        control_id = message.split(b"\r", 1)[0].split(b"|")[9].decode()
        try:
            connection.begin(message)
            for _ in range(_OTHERS_SKIPPED):
                answer = judged(connection.answer(), control_id)
                if answer is not None:
                    return answer
        except ConnectionEndedError:
            raise
        except NoFrameError as error:
            return Answer(NO_ANSWER, "", str(error))
        return Answer(ODD, "", ODD_MEANING)


def addressed(message: bytes, header: Mapping[int, str]) -> bytes:
    """Return a message with fields of its first segment filled in, by their numbers."""
    first, end, others = message.partition(b"\r")
    fields = first.split(b"|")
    for number, value in header.items():
        fields[number - 1] = value.encode()
    return b"|".join(fields) + end + others


def judged(answer: bytes, control_id: str) -> Answer | None:
    """Return what an answer says of one message; None where it acknowledges another one."""
    segments = _segments(answer)
    msa = segments.get("MSA", [])
    code, answered = _field(msa, 1), _field(msa, 2)
    if answered and answered != control_id:
        return None
    error = segments.get("ERR", [])
    found = _field(error, 3).partition("^")[0]
    rule = next(
        (
            rule
            for rule in ACKNOWLEDGEMENTS
            if code in rule.codes and (not rule.errors or found in rule.errors)
        ),
        None,
    )
    if rule is None or not answered:
        return Answer(ODD, "", ODD_MEANING)
    is_code = _CODE.fullmatch(found) is not None
    place = _field(error, 2)
    at = f" (at {place})" if rule.outcome != TAKEN and _PLACE.fullmatch(place) else ""
    return Answer(rule.outcome, f"{code} {found}" if is_code else code, f"{rule.meaning}{at}")


def _segments(answer: bytes) -> dict[str, list[str]]:
    """Return the fields of each segment's first occurrence; none where it begins with no MSH."""
    text = answer.decode("utf-8", "replace")
    if not text.startswith("MSH") or len(text) < len("MSH|"):
        return {}
    separator = text[3]
    found: dict[str, list[str]] = {}
    for line in re.split(r"[\r\n]+", text):
        fields = line.split(separator)
        found.setdefault(fields[0], fields)
    return found


def _field(segment: Sequence[str], number: int) -> str:
    return segment[number].strip() if len(segment) > number else ""


def _connect(chosen: MllpSettings, rendering: Rendering, site: Site) -> MllpSender:
    del rendering
    context = client_context(site.credentials) if chosen.tls else None
    header = {
        3: chosen.sending_application,
        4: chosen.sending_facility,
        5: chosen.receiving_application,
        6: chosen.receiving_facility,
        11: chosen.processing_id,
    }
    if chosen.acknowledgement == "enhanced":
        header |= {15: "AL", 16: "NE"}
    server = MllpServer(chosen.host, chosen.port, chosen.timeout_s, context, chosen.tls_server_name)
    return MllpSender(server, header)


KINDS.register(
    DestinationKind(
        name="hl7-mllp",
        meaning="HL7 v2 messages over MLLP",
        settings=MllpSettings,
        media_types=frozenset({HL7}),
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
