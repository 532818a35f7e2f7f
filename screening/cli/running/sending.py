"""Send files and show each result, for `screening send` and `screening up --send`."""

from collections.abc import Iterable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from screening.cli.printing import console, print_table
from screening.domain.shown_values import shown_uid
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import files_under
from screening.storage_scu.outcomes import SendResult
from screening.storage_scu.scu import send_files


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
        "sop_class_uid": _uid(result.sop_class_uid),
        "sop_instance_uid": _uid(result.sop_instance_uid),
    }


def _uid(found: str | None) -> str | None:
    return None if found is None else shown_uid(found)
