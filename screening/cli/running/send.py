"""`screening send`: a small Storage SCU."""

from pathlib import Path
from typing import Annotated

import typer

EXIT_SOME_NOT_SENT = 1


def send(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders at any depth.")],
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="Address of the SCP.")],
    aet: Annotated[str, typer.Option(metavar="NAME", help="Called AE title.")],
    *,
    calling: Annotated[str, typer.Option(help="Calling AE title.")] = "",
    tls: Annotated[
        bool, typer.Option("--tls", help="Use TLS, with the SCREENING_TLS_ settings.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per file.")
    ] = False,
) -> None:
    """Send files to any Storage SCP by C-STORE.

    It prints each status; the exit status is 1 if any file was not stored.

    Example: screening send xrays/ --to localhost:11112 --aet SCREENING
    """
    from screening.cli.printing import json_line
    from screening.cli.running.sending import as_dict, print_results, send_with_progress
    from screening.logs import configure_logs
    from screening.settings import load_settings
    from screening.storage_scu.destination import DicomDestination
    from screening.storage_scu.outcomes import Outcome
    from screening.storage_scu.scu import send_files
    from screening.transport.tls import client_context

    host, separator, port = to.rpartition(":")
    if not separator or not port.isdigit():
        raise typer.BadParameter(f"expected HOST:PORT, found {to!r}", param_hint="--to")
    settings = load_settings()
    peer = DicomDestination(
        name=aet,
        host=host.strip("[]"),
        port=int(port),
        ae_title=aet,
        calling_ae_title=calling or settings.ae_title,
        tls=client_context(settings.tls_credentials) if tls else None,
    )
    configure_logs("ERROR", station="send")
    if as_json:
        results = []
        for result in send_files(peer, paths):
            results.append(result)
            print(json_line(as_dict(result)), flush=True)
    else:
        results = send_with_progress(peer, paths)
        print_results(results)
    delivered = {Outcome.DELIVERED, Outcome.SKIPPED}
    if not all(result.outcome in delivered for result in results):
        raise typer.Exit(EXIT_SOME_NOT_SENT)
