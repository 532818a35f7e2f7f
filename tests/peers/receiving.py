"""A real SCP in this process, small radiographs, and a sender that can say anything."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Association, Event, Instance
from screening.receive.scp import running_scp
from screening.settings import Settings, load_settings
from screening.storage_scu.association import Answer, Context, associate
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import EncodedObject, identify
from screening.storage_scu.verification import answers_echo
from screening.ups.service import running_ups
from tests.reports.samples import header

SIDE_PIXELS = 64
SUCCESS = 0x0000
Send = Callable[[bytes | EncodedObject], Answer]


def radiograph(*, side: int = SIDE_PIXELS, grey: int = 0, **attributes: Any) -> bytes:
    """Return a small CR object as a Part 10 file; an attribute that is None is left out.

    side: rows and columns of 8-bit pixels; grey: their value, to tell two objects apart.
    """
    made = header()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.Rows = made.Columns = side
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.PixelData = np.full((side, side), grey, np.uint8).tobytes()
    made["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    made.file_meta.MediaStorageSOPClassUID = made.get("SOPClassUID", "")
    made.file_meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "")
    encoded = BytesIO()
    dcmwrite(encoded, made, enforce_file_format=True)
    return encoded.getvalue()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running SCP, and what it has kept."""

    settings: Settings
    database: Database
    peer: DicomDestination

    @contextmanager
    def sender(self) -> Iterator[Send]:
        """Open an association for CR objects in Explicit VR Little Endian."""
        context = Context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
        with associate(self.peer, [context]) as association:
            yield lambda one: association.store(
                one if isinstance(one, EncodedObject) else identify(one), context
            )

    def send(self, *objects: bytes | EncodedObject) -> list[Answer]:
        """C-STORE objects over one association; a whole file says itself what it is."""
        with self.sender() as send:
            return [send(one) for one in objects]

    def instances(self) -> Sequence[Instance]:
        """Return the rows of the received objects, oldest first."""
        with self.database.read() as session:
            return session.scalars(select(Instance).order_by(Instance.id)).all()

    def associations(self) -> Sequence[Association]:
        """Return the rows of the associations that sent anything."""
        with self.database.read() as session:
            return session.scalars(select(Association).order_by(Association.opened_at)).all()

    def events(self) -> Sequence[Event]:
        """Return the audit trail."""
        with self.database.read() as session:
            return session.scalars(select(Event).order_by(Event.id)).all()

    def kept(self) -> list[Path]:
        """Return the files of whole objects."""
        return sorted((self.settings.spool_dir / "objects").rglob("*.dcm"))

    def incoming(self) -> list[Path]:
        """Return the files of objects on their way in."""
        return list((self.settings.spool_dir / "incoming").iterdir())


def slow_echo_s(peer: DicomDestination, count: int = 40) -> float:
    """Return the time in which nine of ten associations with one C-ECHO are done."""
    took_s = []
    for _ in range(count):
        started = time.perf_counter()
        assert answers_echo(peer, timeout_s=20)
        took_s.append(time.perf_counter() - started)
    return sorted(took_s)[count * 9 // 10]


def hardly_slower(then_s: float, now_s: float) -> bool:
    """Return whether C-ECHO is as fast as before: under a second, or 3 times that.

    What this tells from is a peer that waits for others' timeouts, which takes many seconds.
    """
    return now_s < max(1.0, 3 * then_s)


@contextmanager
def running_receiver(folder: Path, database: Database, **settings: Any) -> Iterator[Receiver]:
    """Run the SCP on a free port; its spool and broker are below `folder`."""
    values = {"data_dir": folder, "scp_port": 0, "min_free_mib": 0, **settings}
    told = load_settings(**values)
    with running_ups(told, database) as more, running_scp(told, database, more=more) as address:
        host, port = address
        peer = DicomDestination("scp", host, port, told.ae_title, "CR_ROOM_1")
        yield Receiver(told, database, peer)
