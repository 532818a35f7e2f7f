"""DCMTK's servers, run for one test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from screening.storage_scu.destination import DicomDestination
from tests.services.programs import program
from tests.services.servers import free_port
from tests.sites.site import wait_until


@contextmanager
def running_dcmqrscp(folder: Path) -> Iterator[DicomDestination]:
    """Run DCMTK's query/retrieve SCP with one storage area below `folder`."""
    port = free_port()
    area = folder / "area"
    area.mkdir()
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {area} RW (100, 1024mb) ANY\nAETable END\n"
    )
    peer = DicomDestination("dcmqrscp", "127.0.0.1", port, "QRSCP", "SCREENING")
    with subprocess.Popen([program("dcmqrscp"), "-c", str(configuration)]) as process:
        try:
            echo = ["echoscu", "-aec", "QRSCP", "127.0.0.1", str(port)]
            wait_until(
                lambda: subprocess.run(echo, check=False, capture_output=True).returncode == 0,
                "dcmqrscp to answer",
            )
            yield peer
        finally:
            process.terminate()
