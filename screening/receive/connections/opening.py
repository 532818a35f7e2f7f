"""What is said when the SCP begins to listen, or cannot."""

from screening.logs import get_logger
from screening.settings import Settings
from screening.transport.addresses import is_loopback

log = get_logger()


def log_start(settings: Settings, host: str, port: int) -> None:
    """Log that the SCP listens, and warn where anybody may send."""
    log.info(
        "scp_listening",
        host=host,
        port=port,
        ae_title=settings.ae_title,
        tls=settings.scp_tls,
        processes=settings.scp_processes,
    )
    known = settings.allowed_addresses or settings.allowed_calling_ae_titles
    if not known and settings.scp_tls != "mutual" and not is_loopback(settings.scp_host):
        log.warning(
            "scp_open_to_anyone",
            host=host,
            advice="set SCREENING_ALLOWED_ADDRESSES, SCREENING_ALLOWED_CALLING_AE_TITLES or "
            "SCREENING_SCP_TLS=mutual",
        )


def cannot_listen(settings: Settings, error: OSError) -> str:
    """Return what keeps the SCP from listening, and what to do."""
    return (
        f"Storage SCP: expected to listen on {settings.scp_host}:{settings.scp_port}, found: "
        f"{error.strerror}; free the port or set SCREENING_SCP_PORT"
    )
