"""Certificates for tests, made by OpenSSL: an authority, what it has signed, and self-signed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.programs import program


@dataclass(frozen=True, slots=True)
class Identity:
    """PEM files of one holder: certificate and private key."""

    certificate: Path
    private_key: Path


class Authority:
    """A certificate authority in a folder; skips the test where OpenSSL's program is absent."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder / name
        self._folder.mkdir()
        self._own = Identity(self._folder / "ca.pem", self._folder / "ca.key")
        _openssl("req", "-x509", *_new_key(self._own), "-subj", f"/CN={name}", "-days", "2")

    @property
    def certificate(self) -> Path:
        """Whom to trust."""
        return self._own.certificate

    def identity(self, name: str, *, alternative_names: str = "IP:127.0.0.1") -> Identity:
        """Sign a certificate for `name`."""
        made = Identity(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signer = ["-CA", str(self._own.certificate), "-CAkey", str(self._own.private_key)]
        extensions = ["-addext", f"subjectAltName={alternative_names}"]
        extensions += ["-addext", "basicConstraints=critical,CA:FALSE"]
        _openssl("req", "-x509", *signer, *_new_key(made), "-subj", f"/CN={name}", *extensions)
        return made


def self_signed(folder: Path, name: str = "localhost") -> Identity:
    """Make a certificate for `name` and 127.0.0.1 that nobody else vouches for."""
    made = Identity(folder / f"{name}.crt", folder / f"{name}.key")
    names = ["-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
    _openssl("req", "-x509", *_new_key(made), "-subj", f"/CN={name}", "-days", "2", *names)
    return made


def _new_key(identity: Identity) -> list[str]:
    files = ["-keyout", str(identity.private_key), "-out", str(identity.certificate)]
    return ["-newkey", "rsa:2048", "-noenc", *files]


def _openssl(*arguments: str) -> None:
    subprocess.run([program("openssl"), *arguments], check=True, capture_output=True, timeout=60)
