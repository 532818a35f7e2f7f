"""TLS of DICOM associations: TLS 1.3, and TLS 1.2 with the suites of BCP 195.

PS3.15 B.12 (BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile). Peers of the older
profiles B.9 and B.10 have these suites too.
"""

import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from screening.errors import SettingsError

TLS_1_2_CIPHER_SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
"""What RFC 9325 section 4.2 recommends; those of TLS 1.3 are OpenSSL's defaults."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM files: our certificate with its chain, its private key, and whom we trust."""

    certificate: Path | None = None
    private_key: Path | None = None
    trusted_certificates: Path | None = None


def server_context(credentials: Credentials, *, mutual: bool) -> ssl.SSLContext:
    """Return what a TLS server needs; with `mutual`, peers must show a certificate we trust.

    Raises SettingsError where a file is missing, unreadable or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    _show_our_certificate(context, credentials)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, credentials)
    return context


def client_context(credentials: Credentials) -> ssl.SSLContext:
    """Return what a TLS client needs: it checks the peer's certificate and name.

    Our certificate is shown where there is one; without trusted certificates those of the system
    are trusted. Raises SettingsError where a file is missing, unreadable or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _restrict(context)
    if credentials.certificate is not None:
        _show_our_certificate(context, credentials)
    if credentials.trusted_certificates is None:
        context.load_default_certs()
    else:
        _trust(context, credentials)
    return context


def own_client_context(credentials: Credentials) -> ssl.SSLContext:
    """Return what a TLS client needs to talk to our own SCP, at whatever address it listens.

    It trusts only our own certificate, and does not check the name in it. Raises as
    `client_context`.
    """
    context = client_context(replace(credentials, trusted_certificates=credentials.certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(TLS_1_2_CIPHER_SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _show_our_certificate(context: ssl.SSLContext, credentials: Credentials) -> None:
    certificate, key = credentials.certificate, credentials.private_key
    if certificate is None or key is None:
        raise SettingsError(
            "TLS: expected a certificate and its private key, found "
            f"{'only one' if certificate or key else 'neither'}; set SCREENING_TLS_CERTIFICATE "
            "and SCREENING_TLS_PRIVATE_KEY to PEM files"
        )
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except OSError as error:
        raise SettingsError(
            f"TLS: expected a certificate in {certificate} and its private key in {key}, as PEM, "
            f"found: {_words(error)}; see that they belong together and are readable"
        ) from None


def _trust(context: ssl.SSLContext, credentials: Credentials) -> None:
    trusted = credentials.trusted_certificates
    if trusted is None:
        raise SettingsError(
            "TLS: expected trusted certificates to know peers by, found none; set "
            "SCREENING_TLS_TRUSTED_CERTIFICATES to a PEM file"
        )
    try:
        context.load_verify_locations(trusted)
    except OSError as error:
        raise SettingsError(
            f"TLS: expected trusted certificates in {trusted}, as PEM, found: {_words(error)}; "
            "see that the file is right and readable"
        ) from None


def _refuse_password() -> NoReturn:
    """Replace OpenSSL's password prompt on the terminal, which would block a service."""
    raise SettingsError(
        "TLS: expected a private key without a passphrase, found one with; write it without "
        "(openssl pkey) into a file that only the stations' user can read"
    )


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "no certificate"
    return error.strerror or type(error).__name__
