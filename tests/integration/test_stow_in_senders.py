"""Who may send by STOW-RS, by which name and way, and which settings let nobody in by mistake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from screening.db.session import Database
from screening.errors import SettingsError
from tests.peers.receiving import radiograph
from tests.reports.over_http import secret
from tests.sites.stow_service import StowReceiver, multipart, running_stow_receiver

pytestmark = pytest.mark.integration
TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def stow(tmp_path: Path, migrated_database: Database) -> Iterator[StowReceiver]:
    """Run a service that asks nobody who they are."""
    with running_stow_receiver(tmp_path, migrated_database) as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    """Return the header with a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def test_a_token_stands_for_a_calling_ae_title(tmp_path: Path, migrated_database: Database) -> None:
    """As a bearer token or as the AE title's password; without one there is no right to send."""
    clients = [{"ae_title": "CLINIC", "token_file": secret(tmp_path, TOKEN)}]
    told: dict[str, Any] = {"stow_clients": clients, "allowed_calling_ae_titles": ["CLINIC"]}
    with running_stow_receiver(tmp_path, migrated_database, **told) as stow:
        basic = "Basic Q0xJTklDOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"
        for right in (f"Bearer {TOKEN}", basic):
            assert stow.store(radiograph(), Authorization=right).status == 200
        for wrong in (
            "",
            "Bearer x",
            "Basic !",
            "Basic eDp5",
            f"Bearer {TOKEN}0",
            f"Digest {TOKEN}",
        ):
            refused = stow.store(radiograph(grey=9), Authorization=wrong)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith("Bearer, Basic ")
        assert [row.calling_ae_title for row in stow.instances()] == ["CLINIC"]
        (tmp_path / "secret").unlink()
        assert stow.store(radiograph(), Authorization=f"Bearer {TOKEN}").status == 503


def test_who_may_not_send_is_told_why(stow: StowReceiver, tmp_path: Path) -> None:
    """Other names than this machine's, proxies, other answers, other methods and paths."""
    body = multipart([radiograph()])
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "10.1.2.3"}):
        assert stow.post(body, headers=headers).status == 403
    assert stow.post(body, headers={"Accept": "application/dicom+xml"}).status == 406
    assert stow.post(b"", method="GET").status == 405
    assert stow.post(b"", method="OPTIONS").status == 405
    with running_stow_receiver(tmp_path, stow.database, allowed_addresses="10.0.0.0/8") as closed:
        assert closed.post(body).status == 403
    assert stow.instances() == []


def test_behind_a_proxy_the_sender_is_whom_it_names(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The address that counts and is recorded; past the proxy nobody is let in."""
    clients = [{"ae_title": "CLINIC", "token_file": secret(tmp_path, TOKEN)}]
    told: dict[str, Any] = {"stow_clients": clients, "allowed_addresses": "10.0.0.0/8,127.0.0.1"}
    for proxy, status in (("127.0.0.1", 200), ("10.9.9.9", 403)):
        with running_stow_receiver(
            tmp_path, migrated_database, stow_trusted_proxies=proxy, **told
        ) as stow:
            named = {"X-Forwarded-For": "10.1.2.3", **bearer(TOKEN)}
            assert stow.store(radiograph(), **named).status == status
            named["X-Forwarded-For"] = "192.168.1.1"
            assert stow.store(radiograph(), **named).status == 403
            [association] = stow.associations()
            assert association.peer_address == "10.1.2.3"


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"stow_port": None}, "stow_port"),
        ({"stow_host": "192.0.2.1"}, "stow_host"),
        ({"stow_trusted_proxies": "10.1.2.3"}, "stow_clients"),
        ({"allowed_calling_ae_titles": ["CR_ROOM_1"]}, "allowed_calling_ae_titles"),
        ({"stow_clients": [{"ae_title": "A", "token_file": "/nowhere"}]}, "/nowhere"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(
    tmp_path: Path, migrated_database: Database, told: dict[str, Any], named: str
) -> None:
    """The station does not start, and says which setting is wrong."""
    with (
        pytest.raises(SettingsError, match=named),
        running_stow_receiver(tmp_path, migrated_database, **told),
    ):
        pass
