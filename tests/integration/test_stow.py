"""Reports by STOW-RS: to Orthanc's DICOMweb plug-in, over TLS, and to servers that dawdle."""

import io
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest

from screening.delivery.destination import Destination
from screening.delivery.kind import Ending, StoredReport
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.storage_scu.objects import identify
from tests.peers.http_peer import http_peer
from tests.reports.deliveries import make_reports
from tests.reports.over_http import over_http
from tests.reports.samples import content, header
from tests.services.certificates import Authority
from tests.services.orthanc import Orthanc
from tests.services.servers import ServerAbsentError

pytestmark = pytest.mark.integration
STUDY = "1.2.3.9"
MADE_AT = datetime(2026, 3, 1, tzinfo=UTC)


def stow(url: str, entry: dict[str, Any] | None = None, **settings: Any) -> Destination:
    """Return a destination that takes reports by STOW-RS."""
    return over_http("stow-rs", url, settings, **(entry or {}))


def stored(encoded: bytes) -> StoredReport:
    """Return a report as its row holds it."""
    named = identify(encoded)
    return StoredReport(named.sop_instance_uid, named.sop_class_uid, MADE_AT, encoded)


def of_a_study_of_their_own(count: int) -> list[bytes]:
    """Return reports in a study that no other test sends to the archive."""
    made = []
    for number in range(count):
        source = header()
        source.StudyInstanceUID = STUDY
        source.SOPInstanceUID = f"{STUDY}.1.{number}"
        made.append(build_report(source, content(), Profile.COMPREHENSIVE).encoded)
    return made


def test_orthanc_takes_reports_and_gives_them_back(orthanc: Orthanc) -> None:
    """Twice the same is one; what is no object is refused; its test says that it would take one."""
    try:
        url = orthanc.dicomweb_url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    destination = stow(url)
    assert [check.passed for check in destination.test()] == [True, True]
    reports = [stored(encoded) for encoded in of_a_study_of_their_own(3)]
    for _ in range(2):
        attempts = list(destination.send(reports))
        assert [(one.ending, one.status) for one in attempts] == [(Ending.DELIVERED, "200")] * 3
    back = [pydicom.dcmread(io.BytesIO(one)) for one in orthanc.instances(STUDY, "SR")]
    expected = {one.sop_instance_uid: one.content for one in reports}
    found = {str(one.SOPInstanceUID): one for one in back if str(one.SOPInstanceUID) in expected}
    assert found == {uid: pydicom.dcmread(io.BytesIO(content)) for uid, content in expected.items()}
    damaged = StoredReport(reports[0].sop_instance_uid, "", MADE_AT, reports[0].content[:200])
    [attempt] = destination.send([damaged])
    assert attempt.ending is Ending.REFUSED
    [_, accepted] = stow(f"{url}/nowhere").test()
    assert not accepted.passed


def test_over_tls_the_certificate_is_checked_and_ours_is_shown(tmp_path: Path) -> None:
    """An authority that is not trusted, or another name, ends the attempt; nothing is sent."""
    authority = Authority(tmp_path)
    theirs = authority.identity("server")
    elsewhere = authority.identity("elsewhere", alternative_names="DNS:pacs.example.org")
    ours = authority.identity("screening")
    trusted = {"tls_trusted_certificates": authority.certificate}
    shown = {"tls_certificate": ours.certificate, "tls_private_key": ours.private_key}
    report = stored(make_reports(1)[0])

    def server(identity: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.private_key)
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    with http_peer(server(theirs)) as peer:
        [attempt] = stow(peer.url, **trusted, **shown).send([report])
        assert attempt.ending is Ending.DELIVERED
        [untrusted] = stow(peer.url, **shown).send([report])
        [unshown] = stow(peer.url, **trusted).send([report])
        assert len(peer.came) == 1
    assert (untrusted.ending, unshown.ending) == (Ending.RETRY, Ending.RETRY)
    assert "a certificate that is not trusted" in untrusted.message
    with http_peer(server(elsewhere)) as peer:
        [other] = stow(peer.url, **trusted, **shown).send([report])
        assert "a certificate that is not trusted" in other.message
        named = {"tls_server_name": "pacs.example.org"}
        [attempt] = stow(peer.url, entry=named, **trusted, **shown).send([report])
        assert attempt.ending is Ending.DELIVERED


@pytest.mark.parametrize("drips", [b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000])
def test_an_answer_that_never_ends_is_given_up_in_time(drips: bytes) -> None:
    """Silence, or one byte after another: the limit is for the whole exchange."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def dawdle() -> None:
            connection, _ = listener.accept()
            with connection:
                for byte in drips:
                    if ended.wait(0.05):
                        return
                    connection.send(bytes([byte]))
                ended.wait(30)

        thread = threading.Thread(target=dawdle)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        [attempt] = stow(url, entry={"timeout_s": 1}).send([stored(make_reports(1)[0])])
        assert attempt.ending is Ending.RETRY
        assert "within 1 s, found none" in attempt.message
        assert time.monotonic() - started < 20
        ended.set()
        thread.join()
