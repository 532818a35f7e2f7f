"""Files for TLS that are not right are named, with what to do."""

import subprocess
from pathlib import Path

import pytest

from screening.errors import SettingsError
from screening.transport.tls import Credentials, client_context, server_context
from tests.services.certificates import Authority, Identity


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def one(authority: Authority) -> Identity:
    """Return a certificate and its key."""
    return authority.identity("one")


def test_a_server_needs_a_certificate_and_its_key(one: Identity) -> None:
    """The settings are named."""
    for credentials in (
        Credentials(),
        Credentials(one.certificate),
        Credentials(None, one.private_key),
    ):
        with pytest.raises(SettingsError, match=r"SCREENING_TLS_CERTIFICATE.*TLS_PRIVATE_KEY"):
            server_context(credentials, mutual=False)


def test_mutual_tls_needs_somebody_to_trust(one: Identity, authority: Authority) -> None:
    """An empty list of authorities would let nobody in, or, worse, everybody."""
    files = Credentials(one.certificate, one.private_key)
    with pytest.raises(SettingsError, match="SCREENING_TLS_TRUSTED_CERTIFICATES"):
        server_context(files, mutual=True)
    with pytest.raises(SettingsError, match=r"trusted certificates in .*\.key"):
        client_context(Credentials(trusted_certificates=one.private_key))
    assert client_context(Credentials(trusted_certificates=authority.certificate)).check_hostname


def test_the_key_must_be_that_of_the_certificate(one: Identity, authority: Authority) -> None:
    """OpenSSL's word for it is passed on."""
    other = authority.identity("other")
    with pytest.raises(SettingsError, match=r"KEY_VALUES_MISMATCH.*belong together"):
        server_context(Credentials(one.certificate, other.private_key), mutual=False)


def test_a_key_with_a_passphrase_ends_the_start(one: Identity, tmp_path: Path) -> None:
    """OpenSSL would ask on the terminal, and a service would hang."""
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-in", one.private_key, "-aes256", "-passout", "pass:secret"]
    subprocess.run([*command, "-out", locked], check=True)
    with pytest.raises(SettingsError, match="without a passphrase"):
        server_context(Credentials(one.certificate, locked), mutual=False)
