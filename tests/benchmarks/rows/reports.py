"""Row 7: structured reports, built and stored at DCMTK's storescp over one association.

The processor time is that of this process, which does what the report worker does with a result:
build the document from the image's header, then C-STORE its bytes.
"""

import contextlib
import hashlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from pydicom.uid import generate_uid

from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.scu import send_objects
from tests.benchmarks.parts.scps import listens
from tests.benchmarks.run import Run, program
from tests.services.servers import free_port
from tests.sites.site import wait_until

if TYPE_CHECKING:
    from screening.delivery.content import ReportDocument

REPORTS_AT_ONCE = 20
"""What a courier claims at once, and sends over one association."""


def measure(run: Run) -> None:
    """Build all, store all, and compare what was stored."""
    count = run.size("reports", full=1000, short=10)
    _built(1)  # imports and tables
    started, clock = time.process_time(), time.perf_counter()
    documents = _built(count)
    built_s = time.process_time() - started
    contents = [document.encoded for document in documents]
    with _storescp(run) as (peer, folder):
        started = time.process_time()
        results = list(send_objects(peer, contents))
        stored_s = time.process_time() - started
        taken_s = time.perf_counter() - clock
        run.expect("Success for every report", count,
                   sum(result.outcome is Outcome.DELIVERED for result in results))  # fmt: skip
        log = (folder.parent / "storescp.log").read_text(errors="replace")
        run.expect("one association", 1, log.count("Association Received"))
        stored = {_data_set_sha256(path.read_bytes()) for path in folder.iterdir()}
    run.expect("every report is stored byte for byte",
               {_data_set_sha256(content) for content in contents}, stored)  # fmt: skip
    run.add("build: processor time a report", "ms", 1000 * built_s / count)
    run.add("store: processor time a report", "ms", 1000 * stored_s / count)
    run.add("build and store: processor time a report", "ms", 1000 * (built_s + stored_s) / count)
    run.add("build and store", "reports/s", count / taken_s)
    run.add("reports under way at once on an association", "reports", 1)
    run.notes.append(
        "Asynchronous operations are not negotiated: one C-STORE is under way at once."
    )


def _built(count: int) -> list["ReportDocument"]:
    from screening.renderings.structured_report.document import build_report
    from screening.renderings.structured_report.profiles import Profile
    from tests.reports.samples import content, header

    documents = []
    for _ in range(count):
        image = header()
        image.SOPInstanceUID, image.StudyInstanceUID = generate_uid(), generate_uid()
        documents.append(build_report(image, content(), Profile.COMPREHENSIVE))
    return documents


@contextlib.contextmanager
def _storescp(run: Run) -> Iterator[tuple[DicomDestination, Path]]:
    folder, port = run.room("stored"), free_port()
    command = [program("storescp", "dcmtk"), "--verbose", "--bit-preserving"]
    command += ["--output-directory", str(folder), str(port)]
    with (
        (run.folder / "storescp.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until(lambda: listens(port), "storescp to listen")
            yield DicomDestination("storescp", "127.0.0.1", port, "STORESCP", "BENCH"), folder
        finally:
            process.terminate()


def _data_set_sha256(file: bytes) -> str:
    """Return the digest of a file's data set, without its File Meta Information."""
    from pydicom.filebase import DicomBytesIO

    stream = DicomBytesIO(file)
    pydicom.filereader.read_preamble(stream, force=False)
    pydicom.filereader._read_file_meta_info(stream)
    return hashlib.sha256(stream.read()).hexdigest()
