"""A site that marked radiographs go through, and everything that it writes meanwhile."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis
from pydicom.dataset import Dataset
from sqlalchemy import MetaData, select, text

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery
from screening.imaging.quiet import quiet
from screening.storage_scu.association import Context, associate
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import EncodedObject
from tests.objects.marked_objects import MarkedObject, broken_objects, read_phantom, sound_objects
from tests.objects.marks import Marks
from tests.services.servers import free_port, private_redis
from tests.sites.listening import folder_contents, redis_commands, storage_scp
from tests.sites.site import Site, running_site, wait_until

STATIONS = ("receive", "classify", "report", "web")
SOUND = 3
HOLD_PATIENTS = ("data/spool/objects", "data/spool/incoming", "data/reports", "data/screening.db")
CALLING = "calling AE title"


@dataclass
class Traces:
    """Everything that was written while the radiographs went through, by where."""

    marks: Marks
    written: dict[str, str | bytes] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    reports: list[Dataset] = field(default_factory=list)
    states: set[tuple[str, str | None]] = field(default_factory=set)
    deliveries: set[tuple[str, str]] = field(default_factory=set)


def run_with_marks(folder: Path, bundle_dir: Path, phantom: Path) -> Traces:
    """Send marked radiographs through a whole site in `folder` and keep what it writes."""
    found = Traces(Marks())
    with quiet():
        base = read_phantom(phantom)
        sound = sound_objects(base, found.marks, SOUND)
        broken = list(broken_objects(base, found.marks))
    with contextlib.ExitStack() as stack:
        site, ports = _site(stack, folder, bundle_dir)
        heard = stack.enter_context(redis_commands(site.variables["SCREENING_BROKER_URL"]))
        temporary = stack.enter_context(folder_contents(folder / "tmp"))
        found.reports = stack.enter_context(storage_scp(ports["quoting"], _late_success))
        stack.enter_context(storage_scp(ports["refusing"], _refusal))
        site.run("bundles", "activate", "untrained@0", "--yes")
        site.start(*STATIONS)
        site.wait_for_scp()
        calling = found.marks.text(CALLING)
        _send_all(site, calling, [*sound, *broken])
        _break_database_and_send(site, calling, sound[0])
        _wait_until_done(site, SOUND)
        _run_commands(site, found, folder, [*sound, *broken])
        _reprocess(site, found)
        _read_pages(site, found)
        found.written["redis"] = _redis_content(site.variables["SCREENING_BROKER_URL"])
        site.stop()
        found.written["redis commands"] = "\n".join(heard)
        found.written["temporary files"] = b"\n".join(temporary.values())
        found.names += temporary
    found.written |= {f"log of {name}": site.log(name) for name in STATIONS}
    _collect(site, found)
    return found


def _site(
    stack: contextlib.ExitStack, folder: Path, bundle_dir: Path
) -> tuple[Site, dict[str, int]]:
    ports = {name: free_port() for name in ("quoting", "refusing", "absent")}
    peers = [
        {"name": name, "host": "127.0.0.1", "port": port, "ae_title": "DESTINATION"}
        for name, port in ports.items()
    ]
    bundles = folder / "bundles"
    shutil.copytree(bundle_dir / "untrained", bundles / "untrained")
    shutil.copytree(bundle_dir / "untrained", bundles / "newer")
    manifest = bundles / "newer" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": "1"}))
    (folder / "tmp").mkdir()
    site = stack.enter_context(
        running_site(
            folder,
            bundle_dir=bundles,
            SCREENING_BROKER_URL=stack.enter_context(private_redis()),
            SCREENING_DESTINATIONS=json.dumps(peers),
            SCREENING_RETRY_FIRST_S="0.5",
            SCREENING_RETRY_LONGEST_S="2",
            SCREENING_SWEEP_INTERVAL_S="1",
            SCREENING_LOG_LEVEL="DEBUG",
            TMPDIR=str(folder / "tmp"),
        )
    )
    return site, ports


_refused_once: set[str] = set()


def _late_success(report: Dataset) -> tuple[int, str]:
    """Refuse each report once with the patient's name in the comment, then take it."""
    if report.SOPInstanceUID in _refused_once:
        return 0x0000, ""
    _refused_once.add(report.SOPInstanceUID)
    return 0xA700, f"busy with {report.PatientName}"[:64]


def _refusal(report: Dataset) -> tuple[int, str]:
    return 0xC000, f"{report.PatientID} {report.AccessionNumber} unknown"[:64]


def _send_all(site: Site, calling: str, objects: Iterable[MarkedObject]) -> None:
    for one in objects:
        send(site, calling, one)


def send(site: Site, calling: str, one: MarkedObject) -> None:
    """C-STORE one object as it is, in the context of a DX image."""
    peer = DicomDestination(
        "scp", "127.0.0.1", int(site.variables["SCREENING_SCP_PORT"]), "SCREENING", calling
    )
    context = Context("1.2.840.10008.5.1.4.1.1.1.1", one.transfer_syntax_uid)
    offset = 132 + 12 + int.from_bytes(one.encoded[140:144], "little")
    encoded = EncodedObject(
        one.label, one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax_uid, offset,
        one.encoded,
    )  # fmt: skip
    with quiet(), associate(peer, [context]) as association:
        association.store(encoded, context)


def _break_database_and_send(site: Site, calling: str, one: MarkedObject) -> None:
    with contextlib.closing(site.database) as database:
        with database.write() as session:
            session.execute(text("ALTER TABLE associations RENAME TO hidden"))
        send(site, calling, one)
        with database.write() as session:
            session.execute(text("ALTER TABLE hidden RENAME TO associations"))


def _wait_until_done(site: Site, classified: int) -> None:
    """Wait for every classification and for every delivery but those to the absent destination."""

    def done() -> bool:
        with contextlib.closing(site.database) as database, database.read() as session:
            states = session.scalars(select(Classification.state)).all()
            open_deliveries = session.scalars(
                select(Delivery.id).where(
                    Delivery.state.in_(("pending", "sending")), Delivery.destination != "absent"
                )
            ).all()
            due = session.scalars(
                select(Classification.id).where(Classification.report_state == "due")
            ).all()
            finished = not {"received", "claimed"} & set(states)
            return (
                finished
                and states.count("classified") >= classified
                and not (open_deliveries or due)
            )

    wait_until(done, "every radiograph to end", 600)


def _run_commands(site: Site, found: Traces, folder: Path, objects: Iterable[MarkedObject]) -> None:
    """Run each command that prints something, on rows and on files, also ones that fail."""
    files = folder / "files"
    files.mkdir()
    for number, one in enumerate(objects):
        (files / f"{number:02}.dcm").write_bytes(one.encoded)
    (files / "picture.png").write_bytes(found.marks.text("picture").encode())
    port = site.variables["SCREENING_SCP_PORT"]
    uid = next(iter(objects)).sop_instance_uid
    for arguments in (
        ("ledger",),
        ("ledger", "--json"),
        ("trace", uid),
        ("trace", uid, "--json"),
        ("deliveries", "list"),
        ("deliveries", "list", "--json"),
        ("deliveries", "retry", "refusing"),
        ("deliveries", "give-up", "absent", "--yes"),
        ("deliveries", "remake"),
        ("settings",),
        ("score", str(files), "--json"),
        ("send", str(files), "--to", f"127.0.0.1:{port}", "--aet", "SCREENING", "--json"),
        ("send", str(files), "--to", "127.0.0.1:1", "--aet", "SCREENING"),
    ):
        done = site.run(*arguments, check=False)
        found.written[f"screening {' '.join(arguments[:2])} {len(found.written)}"] = (
            done.stdout + done.stderr
        )


def _reprocess(site: Site, found: Traces) -> None:
    site.run("bundles", "activate", "untrained@1", "--yes")
    for options in (("--dry-run",), ("--yes",)):
        done = site.run("reprocess", "--since", "1d", "--json", *options)
        found.written[f"screening reprocess {options}"] = done.stdout + done.stderr
    _wait_until_done(site, 2 * SOUND)


def _read_pages(site: Site, found: Traces) -> None:
    address = f"http://127.0.0.1:{site.variables['SCREENING_WEB_PORT']}"
    for path in ("/metrics", "/healthz", "/nothing"):
        answer = httpx.get(address + path)
        found.written[path] = f"{answer.headers}\n{answer.text}"
    first = httpx.get(address + "/")
    links = re.findall(r'href="(/studies/[^"]*)"', first.text)
    for path in ("/", "/board", "/api/v1/worklist", *links):
        answer = httpx.get(address + path)
        found.pages[path] = answer.text
        found.written[f"headers of {path}"] = str(answer.headers)
        found.names += re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)


def _redis_content(url: str) -> str:
    client = redis.Redis.from_url(url)
    content = [repr((key, client.dump(key))) for key in client.scan_iter()]
    client.close()
    return "\n".join(content)


def _collect(site: Site, found: Traces) -> None:
    """Keep the names of all files, the content of those that hold no patient, and all rows."""
    for path in site.folder.rglob("*"):
        name = path.relative_to(site.folder).as_posix()
        found.names.append(name)
        if path.is_file() and not name.startswith((*HOLD_PATIENTS, "files/", "bundles/")):
            found.written[f"file {name}"] = path.read_bytes()
    with contextlib.closing(site.database) as database:
        found.rows = list(_cells(database))
        with database.read() as session:
            found.states = set(session.execute(select(Classification.state, Classification.reason)))
            found.deliveries = set(session.execute(select(Delivery.destination, Delivery.state)))


def _cells(database: Database) -> Iterator[tuple[str, str, str]]:
    """Yield (table, column, value as text) of every cell, views apart."""
    tables = MetaData()
    tables.reflect(database.engine)
    with database.engine.connect() as connection:
        for table in tables.tables.values():
            for row in connection.execute(select(table)):
                for column, value in row._mapping.items():
                    yield table.name, column, repr(value)
