"""What `screening up` does: migrate, start the stations, send, wait or follow."""

import fcntl
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from screening.cli.follow import follow, wait_until_settled
from screening.cli.opened import opened_database
from screening.cli.operations.bundles import activate_bundle
from screening.cli.operations.private_data import mend_data_folder
from screening.cli.operations.score import best_bundle
from screening.cli.person import os_user
from screening.cli.reading.lists import print_state
from screening.cli.ringing import BrokerWatch
from screening.cli.running.sending import print_results, send_with_progress
from screening.cli.running.supervisor import Supervisor
from screening.db.bundle_rows import active_bundle
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.errors import StartupError
from screening.logs import configure_logs
from screening.private_files import privately
from screening.settings import Settings, load_settings
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.outcomes import Outcome, SendResult
from screening.storage_scu.verification import answers_echo
from screening.transport.addresses import AddressList, is_loopback
from screening.transport.tls import own_client_context

START_TIMEOUT_S = 120
PROBE_TIMEOUT_S = 2
OPEN_SENDER_AE_TITLE = "SCREENING_UP"
OWN_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", "localhost": "127.0.0.1"}  # noqa: S104  compared, not bound


def run_up(*, data_dir: Path | None, paths: list[Path], once: bool) -> bool:
    """Start everything and keep it running; return whether nothing failed unexpectedly.

    Raises StartupError where something cannot start as configured.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs("WARNING", station="up")
    _require_access_to_own_scp(settings)
    with privately(), _only_one(settings), _stoppable():
        upgrade(settings.resolved_database_url)
        with opened_database(settings) as (_, database):
            _ensure_active_bundle(settings, database)
            return _run(settings, database, paths, once=once)


def _run(settings: Settings, database: Database, paths: list[Path], *, once: bool) -> bool:
    """Run everything; return whether nothing failed unexpectedly."""
    supervisor = Supervisor(settings)
    broker = BrokerWatch(settings)

    def check() -> None:
        supervisor.check()
        broker.look()

    try:
        _wait_for_stations(settings, supervisor)
        _print_welcome(settings, database)
        results = send_with_progress(_own_scp(settings), paths) if paths else []
        if results:
            print_results(results)
        if not once:
            follow(database, check)
        uids = {r.sop_instance_uid for r in results if r.outcome is Outcome.DELIVERED}
        settled = wait_until_settled(settings, database, uids if paths else None, check)
        print_state(database, cap=settings.waiting_cap)
        return settled and not _transfer_failed(results)
    except KeyboardInterrupt:
        print("\nstopping; the next start continues from here")
        return True
    finally:
        supervisor.stop()


def _transfer_failed(results: list[SendResult]) -> bool:
    return any(result.outcome is Outcome.RETRY for result in results)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the data folder, made private; raise StartupError where another process does."""
    mend_data_folder(settings)
    with (settings.data_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(
                f"expected {settings.data_dir} to be free, found another `screening up` on it; "
                "stop that one or name another folder with --data-dir"
            ) from None
        yield


@contextmanager
def _stoppable() -> Iterator[None]:
    """Have SIGTERM stop as Ctrl-C does, and Ctrl-C also where the shell had it ignored."""
    previous = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ensure_active_bundle(settings: Settings, database: Database) -> None:
    """Activate the best bundle at hand on the first start."""
    if active_bundle(database) is None:
        activate_bundle(database, best_bundle(settings), by=os_user())


def _own_scp(settings: Settings) -> DicomDestination:
    calling = next(iter(settings.allowed_calling_ae_titles), OPEN_SENDER_AE_TITLE)
    return DicomDestination(
        name="own SCP",
        host=OWN_ADDRESS.get(settings.scp_host, settings.scp_host),
        port=settings.scp_port,
        ae_title=settings.ae_title,
        calling_ae_title=calling,
        tls=None if settings.scp_tls == "off" else own_client_context(settings.tls_credentials),
    )


def _require_access_to_own_scp(settings: Settings) -> None:
    host = OWN_ADDRESS.get(settings.scp_host, settings.scp_host)
    if is_loopback(host) and not AddressList(settings.allowed_addresses).allows(host):
        raise StartupError(
            f"SCREENING_ALLOWED_ADDRESSES: expected {host} among them, since this command asks its "
            "own SCP whether it is up, found it left out; add it"
        )
    if AddressList(settings.scp_trusted_proxies).names(host):
        raise StartupError(
            f"SCREENING_SCP_TRUSTED_PROXIES: expected proxies other than {host}, since this "
            "command asks its own SCP from there without a PROXY header; have the proxy connect "
            "from another address (haproxy: source 127.0.0.2)"
        )


def _wait_for_stations(settings: Settings, supervisor: Supervisor) -> None:
    """Wait until the SCP answers a C-ECHO, and the page and STOW-RS answer.

    Raises StartupError where they do not in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    own_scp = _own_scp(settings)
    while not (
        answers_echo(own_scp, timeout_s=PROBE_TIMEOUT_S)
        and _page_answers(settings)
        and _stow_answers(settings)
    ):
        supervisor.check_start()
        if time.monotonic() > deadline:
            raise StartupError(
                f"expected every station to answer within {START_TIMEOUT_S} s, found that "
                f"one does not; see {settings.data_dir / 'logs'}"
            )
        time.sleep(0.2)


def _page_address(settings: Settings) -> str:
    host = OWN_ADDRESS.get(settings.web_host, settings.web_host)
    scheme = "https" if settings.web_tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.web_port}/"


def _own_certificate(settings: Settings) -> ssl.SSLContext | None:
    """Trust the page's own certificate, whatever name it is for: this asks only if it answers."""
    if settings.web_tls_certificate is None:
        return None
    context = ssl.create_default_context(cafile=settings.web_tls_certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _page_answers(settings: Settings) -> bool:
    return _is_healthy(_page_address(settings), _own_certificate(settings))


def _stow_address(settings: Settings) -> str:
    host = OWN_ADDRESS.get(settings.stow_host, settings.stow_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.stow_port}/"


def _stow_answers(settings: Settings) -> bool:
    return settings.stow_port is None or _is_healthy(_stow_address(settings))


def _is_healthy(address: str, context: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(  # noqa: S310  our own stations
            f"{address}healthz", timeout=PROBE_TIMEOUT_S, context=context
        ):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _print_welcome(settings: Settings, database: Database) -> None:
    bundle = active_bundle(database)
    title = f"{bundle.name} {bundle.version}" if bundle else "none"
    trained = "" if bundle and bundle.trained else "   UNTRAINED: the scores mean nothing"
    peer = _own_scp(settings)
    stow = "" if settings.stow_port is None else f"STOW-RS       {_stow_address(settings)}studies\n"
    print(
        f"Storage SCP   {settings.ae_title} at {settings.scp_host}:{settings.scp_port}\n{stow}"
        f"worklist      {_page_address(settings)}\n"
        f"ensemble      {title}{trained}\n"
        f"data          {settings.data_dir.resolve()}\n"
        "next          screening phantom phantoms/\n"
        f"              screening send phantoms/ --to {peer.host}:{peer.port} "
        f"--aet {settings.ae_title}{'' if peer.tls is None else ' --tls'}\n"
        "              screening worklist; screening ledger; Ctrl-C stops",
        flush=True,
    )
