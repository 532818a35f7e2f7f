"""What becomes of reports when a Storage SCP misbehaves in every way we know."""

import time
from dataclasses import astuple

import pytest
from pynetdicom.acse import ACSE

from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.objects import identify
from screening.storage_scu.outcomes import Outcome, SendResult
from screening.storage_scu.scu import send_objects
from tests.peers.hostile_peer import peak_mib
from tests.peers.misbehaving_destination import (
    Behaviour,
    Conduct,
    MisbehavingDestination,
    Status,
    misbehaving_destination,
)
from tests.reports.deliveries import make_reports

pytestmark = pytest.mark.integration

SHORT = Timeouts(connection_s=1, acse_s=1, dimse_s=1, network_s=2)
"""For peers that never answer; the others may be slow on a machine that is busy."""
PATIENT = Timeouts(connection_s=10, acse_s=10, dimse_s=10, network_s=10)


def uid_of(report: bytes) -> str:
    """Return a report's SOP Instance UID."""
    return identify(report).sop_instance_uid


def send(
    destination: MisbehavingDestination, objects: list[bytes], timeouts: Timeouts = PATIENT
) -> list[SendResult]:
    """Send objects to it; fail where that takes much longer than all timeouts together."""
    address = DicomDestination("peer", "127.0.0.1", destination.port, "PEER", "SCREENING", timeouts)
    started = time.monotonic()
    results = list(send_objects(address, objects))
    assert time.monotonic() - started < 4 * sum(astuple(timeouts))
    return results


TRANSIENT = [
    Conduct.CLOSES_CONNECTIONS,
    Conduct.SAYS_NOTHING,
    Conduct.REJECTS_FOR_NOW,
    Conduct.ABORTS_REQUESTS,
    Conduct.GARBAGE_FOR_ASSOCIATION,
    Conduct.HALF_AN_ACCEPTANCE,
    Conduct.ENDLESS_ACCEPTANCE,
    Conduct.NEVER_ANSWERS,
    Conduct.ABORTS_STORE,
    Conduct.CLOSES_UNREAD,
    Conduct.CLOSES_UNANSWERED,
    Conduct.CLOSES_IN_MID_PDU,
    Conduct.STALLS_IN_MID_PDU,
    Conduct.ENDLESS_PDU,
    Conduct.GARBAGE,
    Conduct.GARBAGE_COMMAND,
    Conduct.UNKNOWN_CONTEXT,
    Conduct.OTHER_MESSAGE,
    Conduct.NO_STATUS,
]
PERMANENT = [Conduct.REJECTS_FOR_GOOD, Conduct.ACCEPTS_NOTHING]


def test_every_conduct_has_its_place() -> None:
    """No way of misbehaving is left out of the tests below."""
    assert {*TRANSIENT, *PERMANENT, Conduct.SOUND, Conduct.ANSWERS_TWICE} == set(Conduct)


@pytest.mark.parametrize("conduct", TRANSIENT, ids=lambda conduct: conduct.name)
def test_trouble_on_the_line_is_tried_again(conduct: Conduct) -> None:
    """Whatever the peer does on the line, each object is to be retried, soon and in words."""
    before_mib = peak_mib()
    with misbehaving_destination(conduct) as destination:
        results = send(destination, make_reports(3), SHORT)
        assert [result.outcome for result in results] == [Outcome.RETRY] * 3
        assert all(result.status is None and result.comment for result in results)
        assert destination.connections <= 2
    assert peak_mib() - before_mib < 64


@pytest.mark.parametrize("conduct", PERMANENT, ids=lambda conduct: conduct.name)
def test_a_refusal_for_good_needs_a_person(conduct: Conduct) -> None:
    """A rejection for good, or no accepted context, is a refusal of every object."""
    with misbehaving_destination(conduct) as destination:
        results = send(destination, make_reports(2))
        assert [result.outcome for result in results] == [Outcome.REFUSED] * 2


def test_a_refusal_that_pynetdicom_overlooks_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that rejects and has closed before pynetdicom looks is not tried again."""
    send_request = ACSE.send_request

    def send_and_look_late(acse: ACSE) -> None:
        send_request(acse)
        acse.dul.join(10)

    monkeypatch.setattr(ACSE, "send_request", send_and_look_late)
    with misbehaving_destination(Conduct.REJECTS_FOR_GOOD) as destination:
        (result,) = send(destination, make_reports(1))
    assert result.outcome is Outcome.REFUSED


@pytest.mark.parametrize("conduct", [Conduct.SOUND, Conduct.ANSWERS_TWICE])
def test_what_it_takes_is_delivered(conduct: Conduct) -> None:
    """Every object arrives as it was stored."""
    sent = make_reports(3)
    with misbehaving_destination(conduct) as destination:
        results = send(destination, sent)
    taken = [result for result in results if result.outcome is Outcome.DELIVERED]
    assert set(destination.stored) >= {result.sop_instance_uid for result in taken}
    for report in sent:
        if uid_of(report) in destination.received:
            assert {report[-len(one) :] for one in destination.received[uid_of(report)]} == set(
                destination.received[uid_of(report)]
            )
    if conduct is Conduct.SOUND:
        assert len(taken) == 3


def test_an_answer_too_many_is_no_answer_to_the_next_object() -> None:
    """Success twice for one object does not make the next one delivered without its own."""
    first, second = make_reports(2)
    answers: dict[str, Behaviour] = {
        uid_of(first): Conduct.ANSWERS_TWICE,
        uid_of(second): Status(0xA700),
    }
    with misbehaving_destination(answers.__getitem__) as destination:
        results = send(destination, [first, second])
    assert [result.outcome for result in results] == [Outcome.DELIVERED, Outcome.RETRY]
    assert uid_of(second) not in destination.stored


def test_one_object_it_cannot_stand_costs_none_of_the_others() -> None:
    """An object that makes the peer close leaves the rest to another association."""
    sent = make_reports(4)
    poison = uid_of(sent[1])

    def behave(uid: str) -> Behaviour:
        return Conduct.CLOSES_IN_MID_PDU if uid == poison else Conduct.SOUND

    with misbehaving_destination(behave) as destination:
        results = send(destination, sent)
        assert [result.outcome for result in results] == [
            Outcome.DELIVERED,
            Outcome.RETRY,
            Outcome.DELIVERED,
            Outcome.DELIVERED,
        ]
        assert destination.connections == 2
