"""Storage SCPs that answer Success only once the object is on the disk: ours, and its peers."""

import contextlib
import ctypes.util
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
from sqlalchemy import func, select

from screening.db.tables.instances import Instance
from screening.spool.store import Spool
from tests.benchmarks.run import program
from tests.services.orthanc import private_orthanc
from tests.services.servers import ServerAbsentError, free_port
from tests.sites.site import Site, running_site, wait_until

DURABLE_STORESCP = Path(__file__).with_name("durable_storescp.c")


@dataclass(frozen=True, slots=True)
class Scp:
    """A running Storage SCP.

    pid: the process, whose descendants work with it. stored: counts the objects that it has.
    pixels_of: the SHA-256 of an object's Pixel Data, as it has it.
    """

    port: int
    ae_title: str
    pid: int
    stored: Callable[[], int]
    pixels_of: Callable[[str], str]


@contextlib.contextmanager
def our_scp(folder: Path, *, forks: bool = False, **variables: str) -> Iterator[Scp]:
    """Run `screening run receive` with the product's defaults: SQLite, everything fsynced.

    forks: not as a new interpreter. variables: settings that are to differ.
    """
    with running_site(folder, bundle_dir=folder / "none", **variables) as site:
        site.forks_stations = forks
        site.start("receive")
        site.wait_for_log("receive", "scp_listening")
        with contextlib.closing(site.database) as database:

            def stored() -> int:
                with database.read() as session:
                    return session.execute(select(func.count()).select_from(Instance)).scalar_one()

            def pixels_of(uid: str) -> str:
                of_this = select(Instance.sha256).where(Instance.sop_instance_uid == uid)
                with database.read() as session:
                    sha256 = session.execute(of_this).scalar_one()
                return _pixels_sha256(Spool(site.settings.spool_dir).path_of(sha256))

            port = int(site.variables["SCREENING_SCP_PORT"])
            yield Scp(port, "SCREENING", _pid(site), stored, pixels_of)


@contextlib.contextmanager
def orthanc_scp(folder: Path) -> Iterator[Scp]:
    """Run Orthanc with SyncStorageArea, which is fsync. Raises ServerAbsentError."""
    with private_orthanc(folder, more={"SyncStorageArea": True, "SaveJobs": False}) as orthanc:

        def stored() -> int:
            return int(json.loads(orthanc.get("/statistics"))["CountInstances"])

        def pixels_of(uid: str) -> str:
            [identifier] = orthanc.post(
                "/tools/find", {"Level": "Instance", "Query": {"SOPInstanceUID": uid}}
            )
            got = folder / "got.dcm"
            got.write_bytes(orthanc.get(f"/instances/{identifier}/file"))
            return _pixels_sha256(got)

        yield Scp(orthanc.dicom_port, orthanc.ae_title, orthanc.pid, stored, pixels_of)


@contextlib.contextmanager
def dcmtk_scp(folder: Path) -> Iterator[Scp]:
    """Run DCMTK's storescp, a process for each association, with fsync. Raises ServerAbsentError.

    storescp itself never calls fsync: a small library, loaded before libc, does so where it closes
    a file, which is before it answers.
    """
    storescp, library = program("storescp", "dcmtk"), _durable_library(folder)
    port, stored_in = free_port(), folder / "stored"
    stored_in.mkdir()
    command = [storescp, "--fork", "--max-pdu", "131072", "--output-directory", str(stored_in)]
    with (
        (folder / "storescp.log").open("wb") as log,
        subprocess.Popen(
            [*command, str(port)],
            env={"LD_PRELOAD": str(library), "TCP_NODELAY": "1"},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            wait_until(lambda: listens(port), "storescp to listen")

            def pixels_of(uid: str) -> str:
                [found] = stored_in.glob(f"*{uid}*")
                return _pixels_sha256(found)

            yield Scp(
                port,
                "STORESCP",
                process.pid,
                lambda: sum(1 for _ in stored_in.iterdir()),
                pixels_of,
            )
        finally:
            process.terminate()


def _durable_library(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or ctypes.util.find_library("c") is None:
        raise ServerAbsentError(
            "a C compiler (Debian: apt-get install gcc libc6-dev), without which storescp "
            "does not fsync, is not installed"
        )
    library = folder / "durable_storescp.so"
    command = [compiler, "-shared", "-fPIC", "-O2", str(DURABLE_STORESCP), "-o", str(library)]
    made = subprocess.run([*command, "-ldl"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise ServerAbsentError(f"{DURABLE_STORESCP.name} does not compile: {made.stderr[-300:]}")
    return library


def listens(port: int) -> bool:
    """Return whether something listens on a TCP port of this machine (Linux)."""
    listening = f"{port:04X} 00000000:0000 0A"
    return listening in Path("/proc/net/tcp").read_text(encoding="ascii")


def _pid(site: Site) -> int:
    return site.processes["receive"].pid


def _pixels_sha256(path: Path) -> str:
    return hashlib.sha256(pydicom.dcmread(path).PixelData).hexdigest()
