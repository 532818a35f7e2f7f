"""Reports over TLS to DCMTK's storescp, as the settings say."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from screening.db.clock import utc_now
from screening.delivery.destination import connected
from screening.delivery.kind import Attempt, Ending, StoredReport
from screening.errors import SettingsError
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.settings import load_settings
from tests.peers.hostile_peer import connects
from tests.reports.samples import content, header
from tests.services.certificates import Authority, Identity
from tests.services.servers import free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that both sides trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def storescp(folder: Path, authority: Authority, identity: Identity) -> Iterator[int]:
    """Run DCMTK's storescp, which wants a certificate of its peers; yield its port."""
    folder.mkdir()
    port = free_port()
    tls = ["+tls", str(identity.private_key), str(identity.certificate)]
    command = ["storescp", *tls, "+cf", str(authority.certificate), "-od", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: connects(port), "storescp", 10)
            yield port
        finally:
            process.terminate()


def send(port: int, **settings: Any) -> Attempt:
    """Send a report to the one destination that the settings name."""
    peer = {"name": "pacs", "host": "127.0.0.1", "port": port, "ae_title": "PACS", "tls": True}
    peer |= settings.pop("peer", {})
    told = load_settings(destinations=[peer], reports_folder=False, **settings)
    [destination] = connected(told.all_destinations, told.site)
    made = build_report(header(), content(), Profile.COMPREHENSIVE)
    report = StoredReport("1.2", str(made.sop_class_uid), utc_now(), made.encoded)
    with closing(iter(destination.send([report]))) as attempts:
        return next(attempts)


def our_files(authority: Authority) -> dict[str, Path]:
    """Return the settings of our certificate."""
    ours = authority.identity("screening")
    return {"tls_certificate": ours.certificate, "tls_private_key": ours.private_key}


def test_a_report_goes_out_over_mutual_tls(tmp_path: Path, authority: Authority) -> None:
    """DCMTK knows us by our certificate, we know it by its own and its address."""
    trusted = {"tls_trusted_certificates": authority.certificate}
    with storescp(tmp_path / "pacs", authority, authority.identity("pacs")) as port:
        assert send(port, **our_files(authority), **trusted).ending is Ending.DELIVERED
        assert len(list((tmp_path / "pacs").iterdir())) == 1
        assert send(port, **trusted).ending is Ending.RETRY  # storescp asks who we are


def test_a_certificate_may_carry_another_name_if_the_site_says_so(
    tmp_path: Path, authority: Authority
) -> None:
    """Without, nothing is sent: it might be anybody's who has a certificate."""
    named = authority.identity("named", alternative_names="DNS:pacs.example.org")
    files = {**our_files(authority), "tls_trusted_certificates": authority.certificate}
    with storescp(tmp_path / "pacs", authority, named) as port:
        refused = send(port, **files)
        assert refused.ending is Ending.RETRY
        assert "certificate is not trusted" in refused.message
        assert "127.0.0.1" in refused.message
        known = send(port, **files, peer={"tls_server_name": "pacs.example.org"})
        assert known.ending is Ending.DELIVERED


def test_a_destination_that_nobody_vouches_for_gets_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    """Its certificate is of an authority that the site, or the system, does not trust."""
    with storescp(tmp_path / "pacs", authority, authority.identity("pacs2")) as port:
        attempt = send(port, **our_files(authority))
        assert attempt.ending is Ending.RETRY
        assert "certificate is not trusted" in attempt.message
        assert list((tmp_path / "pacs").iterdir()) == []


def test_files_that_are_not_right_end_the_start(tmp_path: Path, authority: Authority) -> None:
    """Before anything is sent in the clear."""
    absent = tmp_path / "absent.pem"
    with pytest.raises(SettingsError, match=r"absent\.pem.*No such file"):
        send(104, tls_trusted_certificates=absent)
    with pytest.raises(SettingsError, match="SCREENING_TLS_PRIVATE_KEY"):
        send(104, tls_certificate=authority.certificate)
