"""`screening send`: a small Storage SCU."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from screening.cli.printing import console, json_line, print_table
from screening.logs import configure_logs
from screening.settings import load_settings
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import files_under
from screening.storage_scu.outcomes import Outcome, SendResult
from screening.storage_scu.scu import send_files

EXIT_SOME_NOT_SENT = 1


def send(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders at any depth.")],
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the SCP listens.")],
    aet: Annotated[str, typer.Option(metavar="NAME", help="Called AE title.")],
    calling: Annotated[str, typer.Option(help="Calling AE title.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """C-STORE files to any Storage SCP and report each status; exit 1 if any was not stored.

    Example: screening send xrays/ --to localhost:11112 --aet SCREENING
    """
    host, separator, port = to.rpartition(":")
    if not separator or not port.isdigit():
        raise typer.BadParameter(f"expected HOST:PORT, found {to!r}", param_hint="--to")
    peer = DicomDestination(
        name=aet,
        host=host.strip("[]"),
        port=int(port),
        ae_title=aet,
        calling_ae_title=calling or load_settings().ae_title,
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


def send_with_progress(peer: DicomDestination, paths: Iterable[Path]) -> list[SendResult]:
    """Send files and show how far it is; return every result."""
    files = list(files_under(paths))
    columns = (
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("sending", total=len(files))
        results = []
        for result in send_files(peer, files):
            results.append(result)
            progress.advance(task)
    return results


def print_results(results: Iterable[SendResult]) -> None:
    """Print one row a file."""
    print_table(
        "sent",
        ("file", "outcome", "status", "meaning"),
        ((r.label, r.outcome.value, r.status_hex, r.comment) for r in results),
    )


def as_dict(result: SendResult) -> dict[str, str | None]:
    """Return a result for JSON."""
    return {
        "path": result.label,
        "outcome": result.outcome.value,
        "status": result.status_hex or None,
        "meaning": result.comment,
        "sop_class_uid": result.sop_class_uid,
        "sop_instance_uid": result.sop_instance_uid,
    }
