"""The page's TLS. Source: RFC 9325 (BCP 195) sections 3.1 and 4.2."""

import ssl
from pathlib import Path

from screening.errors import SettingsError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; all of TLS 1.3 are suitable."""
_WORLD = 0o007


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 or newer, authenticated encryption, forward secrecy.

    certificate: PEM, the server's first, then the chain. key: PEM, without a passphrase.
    Raises SettingsError where one cannot be read or they do not belong together, and where
    everybody on the machine may read the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        if key.stat().st_mode & _WORLD:
            raise SettingsError(
                f"web_tls_key: expected a file that only its owner and group may read, found {key} "
                "open to everybody; chmod o= it"
            )
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise SettingsError(
            "web_tls_certificate, web_tls_key: expected a PEM certificate and the key that belongs "
            f"to it, found {certificate} and {key}: {reason}; correct them"
        ) from None
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, which nobody is there to type")
