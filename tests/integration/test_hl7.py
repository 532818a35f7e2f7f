"""Results by HL7 v2 over MLLP, to a listener written with another library than the sender's."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import hl7
import pytest

from screening.delivery.destination import Destination, connected
from screening.delivery.kind import Attempt, Ending, StoredReport
from screening.delivery.rendering import RENDERINGS
from screening.delivery_kinds.hl7_mllp import ACKNOWLEDGEMENTS, OUTCOMES
from screening.errors import SettingsError
from screening.settings import load_settings
from screening.transport.mllp import LARGEST_ANSWER_BYTES
from tests.peers.hl7_listener import Hl7Listener, hl7_listener
from tests.reports.samples import content, header
from tests.services.certificates import Authority
from tests.services.servers import free_port

pytestmark = pytest.mark.integration
MADE_AT = datetime(2026, 3, 1, tzinfo=UTC)
Acknowledge = Callable[[hl7.Message], hl7.Message | bytes | None]


@pytest.fixture
def listener() -> Iterator[Hl7Listener]:
    """Return a running receiver; it finds nothing that is against the standard."""
    with hl7_listener() as running:
        yield running
        assert running.problems == []


def ris(port: int, settings: dict[str, Any] | None = None, **keys: Any) -> Destination:
    """Return the destination, ready to be sent to."""
    entry = {"name": "ris", "kind": "hl7-mllp", "host": "127.0.0.1", "port": port, **keys}
    told = load_settings(destinations=[entry], reports_folder=False, **(settings or {}))
    [destination] = connected(told.all_destinations, told.site)
    return destination


@cache
def message(revision: int = 0) -> StoredReport:
    """Return a report as its row holds it."""
    source = header()
    source.SpecificCharacterSet = "ISO_IR 192"
    source.PatientName = "Müller^Zoë=山田^太郎"
    made = RENDERINGS.named("oru_r01").render(source, replace(content(), revision=revision))
    return StoredReport(made.sop_instance_uid, "", MADE_AT, made.encoded)


def send(destination: Destination, count: int = 1) -> list[Attempt]:
    """Send messages."""
    return list(destination.send([message(number) for number in range(count)]))


def test_messages_arrive_whole_and_addressed(listener: Hl7Listener) -> None:
    """Over one connection; the listener reads names in every script; again is the same message."""
    destination = ris(
        listener.port,
        sending_facility="RAD",
        receiving_application="RIS^1.2.3^ISO",
        receiving_facility="HOSPITAL",
        processing_id="T",
    )
    attempts = send(destination, 3)
    assert [(one.ending, one.status) for one in attempts] == [(Ending.DELIVERED, "AA")] * 3
    fields = [str(listener.came[0].segment("MSH")(n)) for n in (3, 4, 5, 6, 11, 15, 16)]
    assert fields == ["SCREENING", "RAD", "RIS^1.2.3^ISO", "HOSPITAL", "T", "", ""]
    assert str(listener.came[0].segment("PID")(5)) == "Müller^Zoë^^^^^L^A~山田^太郎^^^^^L^I"
    send(destination)
    assert str(listener.came[3]) == str(listener.came[0])
    ids = [str(one.segment("MSH")(10)) for one in listener.came]
    assert (len(set(ids)), ids[3]) == (3, ids[0])


def test_enhanced_mode_asks_for_an_accept_acknowledgement_alone(listener: Hl7Listener) -> None:
    """MSH-15 AL, MSH-16 NE; CA is the end of it."""
    listener.acknowledge = lambda came: came.create_ack("CA")
    [attempt] = send(ris(listener.port, acknowledgement="enhanced"))
    assert (attempt.ending, attempt.status) == (Ending.DELIVERED, "CA")
    header_segment = listener.came[0].segment("MSH")
    assert [str(header_segment(n)) for n in (15, 16)] == ["AL", "NE"]


def acknowledged(code: str, error: str = "", place: str = "") -> Acknowledge:
    """Return an answer with this code, and an ERR segment with this error where there is one."""

    def acknowledge(came: hl7.Message) -> bytes:
        lines = [
            "MSH|^~\\&|RIS||||20260301||ACK^R01^ACK|1|P|2.5.1",
            f"MSA|{code}|{came.segment('MSH')(10)}",
        ]
        if error or place:
            lines.append(f"ERR||{place}|{error}^text^HL70357|E||||Doe^Jane is unknown")
        return b"\x0b" + "\r".join(lines).encode() + b"\r\x1c\r"

    return acknowledge


CASES = [
    (code, error, rule)
    for rule in ACKNOWLEDGEMENTS
    for code in rule.codes
    for error in (rule.errors or ("", "101"))
]


def test_each_acknowledgement_leads_where_the_table_says(listener: Hl7Listener) -> None:
    """By MSA-1 and ERR-3; what the receiver wrote about the patient is not repeated."""
    destination = ris(listener.port)
    for code, error, rule in CASES:
        listener.acknowledge = acknowledged(code, error, "PID^1^5")
        [attempt] = send(destination)
        assert attempt.ending is OUTCOMES[rule.outcome], (code, error)
        assert attempt.status == f"{code} {error}".strip()
        assert attempt.message.startswith(rule.meaning)
        assert "Jane" not in attempt.message
        assert ("(at PID^1^5)" in attempt.message) == (code not in {"AA", "CA"})


def no_answer(_: hl7.Message) -> None:
    """Close the connection."""


ODD: dict[str, Acknowledge] = {
    "closed": no_answer,
    "no frame": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "truncated, then nothing": lambda _: b"\x0bMSH|^~\\&|R",
    "without MSH": lambda m: b"\x0bMSA|AA|%s\r\x1c\r" % str(m.segment("MSH")(10)).encode(),
    "without MSA": lambda _: b"\x0bMSH|^~\\&|RIS\r\x1c\r",
    "without MSA-2": lambda _: b"\x0bMSH|^~\\&|RIS\rMSA|AA\r\x1c\r",
    "of another message": lambda _: b"\x0bMSH|^~\\&|RIS\rMSA|AA|OTHER\r\x1c\r",
    "unknown code": acknowledged("AX"),
    "empty": lambda _: b"\x0b\x1c\r",
    "no text": lambda _: b"\x0bMSH\xff\xfe\x00\r\x1c\r",
    "too long": lambda _: b"\x0b" + b"M" * (LARGEST_ANSWER_BYTES + 9000),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_answer_that_is_none_is_waited_for_no_longer_than_allowed(
    kind: str, listener: Hl7Listener
) -> None:
    """The message is sent again later, as it is; the next one over a new connection is taken."""
    taken = acknowledged("AA")

    def acknowledge(came: hl7.Message) -> hl7.Message | bytes | None:
        return (ODD[kind] if len(listener.came) == 1 else taken)(came)

    listener.acknowledge = acknowledge
    started = time.monotonic()
    first, second = send(ris(listener.port, timeout_s=1), 2)
    assert (first.ending, second.ending) == (Ending.RETRY, Ending.DELIVERED)
    assert ("found more" in first.message) == (kind == "too long")
    assert time.monotonic() - started < 20


def test_late_answers_and_other_forms_are_understood(listener: Hl7Listener) -> None:
    """An answer to an earlier message before ours; another separator; line feeds; closing."""
    late = b"\x0bMSH|^~\\&|RIS\rMSA|AE|OTHER\r\x1c\r"
    listener.acknowledge = lambda came: late + acknowledged("AA")(came)  # type: ignore[operator]
    listener.closes_after_each = True
    assert {one.ending for one in send(ris(listener.port), 3)} == {Ending.DELIVERED}
    listener.acknowledge = lambda came: (
        b"\r\n\x0bMSH#^~\\&#RIS\nMSA#AA#%s\n\x1c\r" % str(came.segment("MSH")(10)).encode()
    )
    assert {one.ending for one in send(ris(listener.port), 2)} == {Ending.DELIVERED}


def test_without_a_connection_the_whole_batch_waits() -> None:
    """It is tried once; its test says so, too."""
    destination = ris(free_port())
    attempts = send(destination, 3)
    assert [one.ending for one in attempts] == [Ending.RETRY] * 3
    assert "Connection refused" in attempts[0].message
    [check] = destination.test()
    assert not check.passed


def test_over_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    """An authority that is not trusted ends it; the test of a destination finds that."""
    authority = Authority(tmp_path)
    theirs = authority.identity("ris")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.private_key)
    trusted = {"tls_trusted_certificates": authority.certificate}
    with hl7_listener(context) as listener:
        [attempt] = send(ris(listener.port, trusted, tls=True))
        assert attempt.ending is Ending.DELIVERED
        [check] = ris(listener.port, trusted, tls=True).test()
        assert check.passed
        [untrusted] = send(ris(listener.port, tls=True))
        assert (untrusted.ending, len(listener.came)) == (Ending.RETRY, 1)
        assert "a certificate that is not trusted" in untrusted.message


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"profile": "comprehensive"}, r"hl7-mllp can send: oru_r01; found 'comprehensive'"),
        ({"receiving_application": "A|B"}, "receiving_application"),
        ({"processing_id": "X"}, "processing_id"),
        ({"timeout_s": 26}, "timeout_s"),
    ],
)
def test_wrong_keys_are_named(keys: dict[str, Any], complaint: str) -> None:
    """Before anything starts; structured reports are not for HL7."""
    with pytest.raises(SettingsError, match=complaint):
        ris(2575, **keys)
