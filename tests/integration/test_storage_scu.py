"""Sending over real associations, to pynetdicom and to DCMTK."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.objects import identify
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.scu import send_files, send_objects
from tests.reports.deliveries import make_reports
from tests.reports.samples import content, header
from tests.services.programs import program
from tests.services.servers import free_port

pytestmark = pytest.mark.integration

SHORT = Timeouts(connection_s=1, acse_s=1, dimse_s=1, network_s=2)
LONG = Timeouts(connection_s=120, acse_s=120, dimse_s=120, network_s=120)
Handler = Callable[[evt.Event], int | Dataset]


def bare_image() -> bytes:
    """Return a data set without file meta information."""
    buffer = BytesIO()
    dcmwrite(buffer, header(), implicit_vr=True, little_endian=True)
    return buffer.getvalue()


@contextmanager
def scp(
    handler: Handler, contexts: list[Any] | None = None, **attributes: Any
) -> Iterator[tuple[DicomDestination, list[str]]]:
    """Run an SCP; yield where it is, and a list that grows by each association it accepts."""
    entity = AE("PEER")
    if contexts is None:
        contexts = [
            build_context(c.abstract_syntax, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
            for c in AllStoragePresentationContexts
        ]
    entity.supported_contexts = contexts
    for name, value in attributes.items():
        setattr(entity, name, value)
    accepted: list[str] = []
    handlers = [
        (evt.EVT_C_STORE, handler),
        (evt.EVT_ACCEPTED, lambda event: accepted.append(event.assoc.requestor.ae_title)),
    ]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    port = server.server_address[1]
    try:
        yield DicomDestination("peer", "127.0.0.1", port, "PEER", "SCREENING", SHORT), accepted
    finally:
        server.shutdown()


@pytest.fixture
def received() -> dict[str, bytes]:
    """Collect data sets as they came over the wire, by SOP Instance UID."""
    return {}


@pytest.fixture
def keep(received: dict[str, bytes]) -> Handler:
    """Return a handler that keeps what it gets."""

    def handler(event: evt.Event) -> int:
        received[event.request.AffectedSOPInstanceUID] = event.request.DataSet.getvalue()
        return 0x0000

    return handler


def test_reports_go_over_one_association_byte_for_byte(
    tmp_path: Path, keep: Handler, received: dict[str, bytes]
) -> None:
    """Reports in memory and in files arrive as the stored bytes, over a single association."""
    encoded = make_reports(4)
    path = tmp_path / "report.dcm"
    path.write_bytes(encoded[3])
    with scp(keep) as (destination, accepted):
        results = list(send_objects(destination, [*encoded[:3], path]))
    assert [result.outcome for result in results] == [Outcome.DELIVERED] * 4
    assert [result.status_hex for result in results] == ["0x0000"] * 4
    assert accepted == ["SCREENING"]
    for one, result in zip(encoded, results, strict=True):
        assert one.endswith(received[result.sop_instance_uid])
        assert len(received[result.sop_instance_uid]) == len(one) - identify(one).data_set_offset


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_is_accepted(profile: Profile, keep: Handler) -> None:
    """Each SR class is proposed and stored."""
    with scp(keep) as (destination, _):
        report = build_report(header(), content(), profile)
        assert [r.outcome for r in send_objects(destination, [report.encoded])] == [
            Outcome.DELIVERED
        ]


def test_a_peer_of_implicit_vr_alone_gets_it(keep: Handler, received: dict[str, bytes]) -> None:
    """A report is re-encoded where only Implicit VR is accepted, and the result says so."""
    (encoded,) = make_reports(1)
    contexts = [build_context(ComprehensiveSRStorage, ImplicitVRLittleEndian)]
    with scp(keep, contexts) as (destination, _):
        (result,) = send_objects(destination, [encoded])
    assert result.outcome is Outcome.DELIVERED
    assert "re-encoded" in result.comment
    arrived = dcmread(BytesIO(received[result.sop_instance_uid]), force=True)
    assert arrived.to_json_dict() == dcmread(BytesIO(encoded)).to_json_dict()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0000, Outcome.DELIVERED),
        (0xB000, Outcome.DELIVERED),
        (0xB007, Outcome.DELIVERED),
        (0x0111, Outcome.DELIVERED),
        (0xA700, Outcome.RETRY),
        (0x0213, Outcome.RETRY),
        (0x0110, Outcome.RETRY),
        (0xA900, Outcome.REFUSED),
        (0xC000, Outcome.REFUSED),
        (0x0122, Outcome.REFUSED),
        (0x0124, Outcome.REFUSED),
    ],
)
def test_each_status_of_a_peer_has_its_outcome(status: int, outcome: Outcome) -> None:
    """The peer's status decides, and its Error Comment is passed on."""

    def handler(_event: evt.Event) -> Dataset:
        answer = Dataset()
        answer.Status = status
        answer.ErrorComment = "said by the peer"
        return answer

    with scp(handler) as (destination, _):
        (result,) = send_objects(destination, make_reports(1))
    assert (result.status, result.outcome) == (status, outcome)
    assert "said by the peer" in result.comment


def test_a_refused_object_does_not_hold_the_others() -> None:
    """Each object has its own result, in order."""
    encoded = make_reports(3)
    bad = identify(encoded[1]).sop_instance_uid
    with scp(lambda e: 0xC000 if e.request.AffectedSOPInstanceUID == bad else 0) as (to, accepted):
        results = list(send_objects(to, [b"no dicom", *encoded]))
    assert [result.outcome for result in results] == [
        Outcome.UNSENDABLE,
        Outcome.DELIVERED,
        Outcome.REFUSED,
        Outcome.DELIVERED,
    ]
    assert len(accepted) == 1


def test_an_object_without_accepted_context_is_refused(keep: Handler) -> None:
    """One SOP class the peer takes is stored, another is refused with the reason."""
    source = header()
    source.SOPClassUID = CTImageStorage
    buffer = BytesIO()
    dcmwrite(buffer, source, implicit_vr=True, little_endian=True)
    contexts = [build_context(ComprehensiveSRStorage)]
    with scp(keep, contexts) as (destination, _):
        first, second = send_objects(destination, [buffer.getvalue(), *make_reports(1)])
    assert (first.outcome, first.status) == (Outcome.REFUSED, None)
    assert CTImageStorage in first.comment
    assert second.outcome is Outcome.DELIVERED


def test_a_peer_that_accepts_nothing_refuses_all(keep: Handler) -> None:
    """No accepted context at all is a refusal, not an outage."""
    with scp(keep, [build_context(CTImageStorage)]) as (destination, _):
        results = list(send_objects(destination, make_reports(2)))
    assert [result.outcome for result in results] == [Outcome.REFUSED] * 2
    assert "presentation contexts" in results[0].comment


def test_a_wrong_ae_title_is_refused(keep: Handler) -> None:
    """A called AE title that the peer does not know needs a person: parked, with the advice."""
    with scp(keep, require_called_aet=True) as (destination, _):
        (result,) = send_objects(replace(destination, ae_title="OTHER"), make_reports(1))
    assert result.outcome is Outcome.REFUSED
    assert "Called AE title not recognised; correct the destination's AE title" in result.comment


def test_a_calling_ae_title_not_allowed_is_refused(keep: Handler) -> None:
    """A peer that does not know us needs a person as well."""
    with scp(keep, require_calling_aet=["ELSE"]) as (destination, _):
        (result,) = send_objects(destination, make_reports(1))
    assert result.outcome is Outcome.REFUSED
    assert "Calling AE title not recognised" in result.comment


def test_a_full_peer_is_tried_again(keep: Handler) -> None:
    """Local limit exceeded is transient."""
    with scp(keep, maximum_associations=1) as (destination, _):
        entity = AE()
        entity.add_requested_context(ComprehensiveSRStorage)
        other = entity.associate("127.0.0.1", destination.port)
        try:
            (result,) = send_objects(destination, make_reports(1))
        finally:
            other.release()
    assert result.outcome is Outcome.RETRY
    assert "Local limit exceeded" in result.comment


def test_a_peer_that_is_down_is_tried_again() -> None:
    """Connection refused is transient, for each object, and no timeout is waited for."""
    destination = DicomDestination("peer", "127.0.0.1", free_port(), "PEER", "SCREENING", LONG)
    started = time.monotonic()
    results = list(send_objects(destination, make_reports(3)))
    assert [result.outcome for result in results] == [Outcome.RETRY] * 3
    assert time.monotonic() - started < LONG.connection_s


def test_a_silent_peer_is_given_up_soon() -> None:
    """A peer that accepts the connection and says nothing is tried once, not for each object."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        destination = DicomDestination("peer", "127.0.0.1", port, "PEER", "SCREENING", SHORT)
        results = list(send_objects(destination, make_reports(3)))
        listener.setblocking(False)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert [result.outcome for result in results] == [Outcome.RETRY] * 3


def test_an_answer_that_does_not_come_is_a_retry() -> None:
    """A peer slower than the DIMSE timeout is asked to keep one object, not all."""
    asked: list[str] = []

    def handler(event: evt.Event) -> int:
        asked.append(event.request.AffectedSOPInstanceUID)
        time.sleep(2 * SHORT.dimse_s)
        return 0x0000

    with scp(handler) as (destination, _):
        results = list(send_objects(destination, make_reports(6)))
    assert [result.outcome for result in results] == [Outcome.RETRY] * 6
    assert len(asked) == 1


def test_an_abort_costs_one_object() -> None:
    """After an abort in the middle the rest goes over another association."""
    encoded = make_reports(4)
    bad = identify(encoded[1]).sop_instance_uid

    def handler(event: evt.Event) -> int:
        if event.request.AffectedSOPInstanceUID == bad:
            event.assoc.abort()
        return 0x0000

    with scp(handler) as (destination, accepted):
        results = list(send_objects(destination, encoded))
    assert [result.outcome for result in results] == [
        Outcome.DELIVERED,
        Outcome.RETRY,
        Outcome.DELIVERED,
        Outcome.DELIVERED,
    ]
    assert len(accepted) == 2


def test_more_than_128_contexts_take_more_associations(keep: Handler) -> None:
    """Files of 80 SOP classes, two syntaxes each, go out over two associations."""
    encoded = []
    for number, context in enumerate(AllStoragePresentationContexts[:80]):
        source = header()
        source.SOPClassUID, source.SOPInstanceUID = context.abstract_syntax, f"1.2.3.{number}"
        buffer = BytesIO()
        dcmwrite(buffer, source, implicit_vr=True, little_endian=True)
        encoded.append(buffer.getvalue())
    with scp(keep) as (destination, accepted):
        results = list(send_objects(destination, encoded))
    assert {result.outcome for result in results} == {Outcome.DELIVERED}
    assert len(results) == 80
    assert len(accepted) == 2


def test_files_and_folders_are_sent(
    tmp_path: Path, keep: Handler, received: dict[str, bytes]
) -> None:
    """Files at any depth go out, without meta information too; others get a reason."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "bare").write_bytes(bare_image())
    (tmp_path / "deep" / "note.txt").write_text("not an image")
    (tmp_path / "report.dcm").write_bytes(make_reports(1)[0])
    with scp(keep) as (destination, _):
        results = {r.label: r for r in send_files(destination, [tmp_path, tmp_path / "gone"])}
    assert {label.rsplit("/", 1)[-1]: r.outcome for label, r in results.items()} == {
        "bare": Outcome.DELIVERED,
        "note.txt": Outcome.UNSENDABLE,
        "report.dcm": Outcome.DELIVERED,
        "gone": Outcome.UNSENDABLE,
    }
    assert received["1.2.3.1.1.1"] == bare_image()


def test_every_sample_gets_a_result(data_dir: Path, keep: Handler) -> None:
    """All public samples are sent or refused in words; compressed ones byte for byte."""
    contexts = [build_context(ComputedRadiographyImageStorage, "1.2.840.10008.1.2.4.90")]
    everything = [
        build_context(c.abstract_syntax, syntaxes)
        for c in AllStoragePresentationContexts
        if (syntaxes := [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        and c.abstract_syntax != ComputedRadiographyImageStorage
    ]
    with scp(keep, [*contexts, *everything]) as (destination, _):
        results = list(send_files(destination, [data_dir / "dicom"]))
    assert len(results) > 60
    assert all(result.comment for result in results)
    outcomes = {Path(result.label).name: result.outcome for result in results}
    assert outcomes["DICOMDIR"] is Outcome.SKIPPED
    assert outcomes["CT_small.dcm"] is Outcome.DELIVERED
    assert outcomes["RG2_J2KR"] is Outcome.DELIVERED
    assert outcomes["RG3_RLE"] is Outcome.REFUSED
    assert Outcome.RETRY not in outcomes.values()


def test_dcmtk_stores_a_report_byte_for_byte(tmp_path: Path) -> None:
    """DCMTK's storescp accepts every profile and writes the same data set."""
    port = free_port()
    command = [
        program("storescp"),
        "--accept-all",
        "--output-directory",
        str(tmp_path),
        "+B",
        str(port),
    ]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port)
            destination = DicomDestination("dcmtk", "127.0.0.1", port, "STORESCP", "SCREENING")
            made = [build_report(header(), content(), p).encoded for p in Profile]
            results = list(send_objects(destination, made))
        finally:
            process.terminate()
    assert [result.outcome for result in results] == [Outcome.DELIVERED] * len(made)
    written = [path.read_bytes() for path in tmp_path.iterdir()]
    for encoded in made:
        data_set = encoded[identify(encoded).data_set_offset :]
        assert any(one.endswith(data_set) for one in written)


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("storescp did not start")
