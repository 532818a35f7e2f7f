"""Objects that come again under their SOP Instance UID: taken in, compared, decided."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import JPEG2000, UID, ComputedRadiographyImageStorage, ExplicitVRBigEndian
from sqlalchemy import select

from screening.classify.claim import claim
from screening.classify.compare import compare_kept
from screening.classify.record import Result, record
from screening.db.clock import utc_now
from screening.db.corrections import CorrectionDetail, read_corrections
from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance
from screening.domain.backoff import Backoff
from screening.domain.lifecycle import CorrectionState
from screening.receive.objects.intake import Intake, Outcome, Peer, Request
from screening.spool.store import Spool
from tests.peers.receiving import radiograph
from tests.rows.standing_results import SCORED

IMAGE_UID = "1.2.3.1.1.1"
PEER = Peer("00000000-0000-0000-0000-000000000001", "CR_ROOM_1", "SCREENING", "::1", utc_now())
BACKOFF = Backoff(first_s=0.001, longest_s=0.002)
SIDE = 64
CORRECTED = {"PatientName": "Doe^Joan", "PatientID": "PID-78", "AccessionNumber": "ACC-2"}


def gradient(seed: int = 0) -> bytes:
    """Return the pixels of a picture, as `radiograph` takes them."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return ((rows * 3 + columns + 7 * seed) % 256).astype(np.uint8).tobytes()


def image(*, seed: int = 0, private: str = "", **attributes: Any) -> bytes:
    """Return one radiograph as a file. private: the value of a private element; "": none."""
    made = radiograph(
        side=SIDE, **{"SOPInstanceUID": IMAGE_UID, "PixelData": gradient(seed), **attributes}
    )
    if not private:
        return made
    data_set = dcmread(BytesIO(made))
    block = data_set.private_block(0x0009, "ROUTER", create=True)
    block.add_new(0x01, "LO", private)
    return encoded(data_set)


def encoded(data_set: Dataset) -> bytes:
    """Return a data set as a file."""
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, data_set, enforce_file_format=True)
    return buffer.getvalue()


def compressed(file: bytes, transfer_syntax_uid: str) -> bytes:
    """Return the same object in another transfer syntax."""
    data_set = dcmread(BytesIO(file))
    data_set.compress(transfer_syntax_uid, generate_instance_uid=False)
    return encoded(data_set)


def in_transfer_syntax(file: bytes, transfer_syntax_uid: str) -> bytes:
    """Return the same object, of 8-bit pixels, in another native transfer syntax."""
    data_set = dcmread(BytesIO(file))
    made = Dataset()
    made.update({element.tag: element for element in data_set})
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    made.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    if transfer_syntax_uid == ExplicitVRBigEndian:  # OW swaps the bytes of two pixels
        pixels = np.frombuffer(data_set.PixelData, np.uint16).byteswap()
        made.PixelData = pixels.tobytes()
    return encoded(made)


def with_losses(file: bytes) -> bytes:
    """Return the same object in JPEG 2000 with losses."""
    data_set = dcmread(BytesIO(file))
    data_set.compress(JPEG2000, j2k_cr=[20], generate_instance_uid=False)
    return encoded(data_set)


def take(database: Database, spool: Spool, file: bytes) -> Outcome:
    """Take one object in as the SCP does."""
    arrived = spool.incoming / "arrived"
    arrived.write_bytes(file)
    uid = str(dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID)
    return Intake(database, spool).take(
        arrived, Request(str(ComputedRadiographyImageStorage), uid), PEER
    )


def work(database: Database, spool: Spool, bundle_id: int) -> int:
    """Do what a classify worker does until nothing is due; the ensemble finds one thing always."""
    done = 0
    while True:
        held = claim(database, bundle_id=bundle_id, worker="w", batch_size=8, lease_s=60)
        if not held.instances:
            return done
        results: dict[int, Result] = {
            one.classification_id: (
                compare_kept(spool, one.sha256, one.standing) if one.standing else SCORED
            )
            for one in held.instances
        }
        record(database, held, results, BACKOFF)
        done += len(held.instances)


def resend(database: Database, spool: Spool, bundle_id: int, *files: bytes) -> None:
    """Take objects in, one after the other, and have each examined."""
    for file in files:
        take(database, spool, file)
        work(database, spool, bundle_id)


def standing_reasons(database: Database) -> list[tuple[bool, str, str | None]]:
    """Return conflicting, state and reason of every instance's standing result, by instance."""
    with database.read() as session:
        rows = session.execute(
            select(Instance.conflicting, Classification.state, Classification.reason)
            .join(Classification, Classification.instance_id == Instance.id)
            .where(Classification.stands_since.is_not(None))
            .order_by(Instance.id)
        ).all()
        return [(conflicting, state, reason) for conflicting, state, reason in rows]


def corrections(database: Database) -> Sequence[CorrectionDetail]:
    """Return every correction, whatever became of it."""
    return read_corrections(database, states=tuple(CorrectionState))
