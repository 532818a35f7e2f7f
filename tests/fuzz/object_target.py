"""Damaged objects through what receives, classifies, reports and sends them, in this process.

The product says which errors may come out of each: intake refuses with a RejectedInstanceError (a
TransientError would have the sender come again for ever), examination ends in a coded reason,
rendering is refused with one of two errors, and every image that is accepted and rendered can be
reported (in the profile that takes the least time: what is read of the image is the same in all).
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom

from screening.db.clock import utc_now
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.domain.eligibility import EligibilityRules
from screening.domain.failures import FailureReason
from screening.ensemble.examination import Failed, examine
from screening.errors import (
    MissingIdentifierError,
    RejectedInstanceError,
    TruncatedDataSetError,
    UndecodablePixelsError,
    UnreadableDataSetError,
)
from screening.imaging.dicom.header import read_header
from screening.imaging.rendering.render import render
from screening.receive.objects.intake import Intake, Peer, Request
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.renderings.structured_report.source import read_source
from screening.spool.store import Spool
from screening.storage_scu.objects import identify
from tests.fuzz.findings import words_of
from tests.fuzz.object_edits import damaged_objects
from tests.fuzz.objects import made_objects, real_objects
from tests.fuzz.target import Target
from tests.reports.samples import content

NAME = "objects"
OUR_FAULT = {FailureReason.INTERNAL_ERROR, FailureReason.OUT_OF_MEMORY}
_A_REQUEST = Request("1.2.840.10008.5.1.4.1.1.1", "1.2.3.1.1.1")


@contextmanager
def object_target(folder: Path, *, real: bool) -> Iterator[Target]:
    """Yield the target; real: damage real objects too, where there are any."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    url = f"sqlite:///{folder / 'screening.db'}"
    upgrade(url)
    database, spool = Database(url), Spool(folder / "spool")
    spool.prepare()
    seeds = made_objects() + (real_objects() if real else ())
    took = _Took(folder, Intake(database, spool))
    yield Target(NAME, ".dcm", damaged_objects(seeds), took.faults_of)
    database.close()


class _Took:
    """How one object after the other was taken."""

    def __init__(self, folder: Path, intake: Intake) -> None:
        self._given = folder / "given.dcm"
        self._incoming = folder / "spool" / "incoming" / "given.part"
        self._intake = intake
        self._peer = Peer("fuzz", "FUZZ", "SCREENING", "127.0.0.1", utc_now())

    def faults_of(self, given: bytes) -> Sequence[str]:
        """Give an object to everything that takes objects."""
        self._given.write_bytes(given)
        faults = []
        is_stored = self._take_in(faults)
        is_rendered = self._rendered(faults)
        self._examined(faults)
        _identified(given, faults)
        if is_stored and is_rendered:
            self._reported(faults)
        return faults

    def _take_in(self, faults: list[str]) -> bool:
        shutil.copyfile(self._given, self._incoming)
        try:
            self._intake.take(self._incoming, self._request(), self._peer)
        except RejectedInstanceError:
            return False
        except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
            faults.append(words_of("intake", error))
            return False
        return True

    def _request(self) -> Request:
        """Ask for what the object is, so that it is not refused as another."""
        try:
            found = read_header(self._given).instance
        except RejectedInstanceError:
            return _A_REQUEST
        return Request(found.sop_class_uid, found.sop_instance_uid)

    def _rendered(self, faults: list[str]) -> bool:
        try:
            pixels = render(self._given).pixels
        except (UnreadableDataSetError, TruncatedDataSetError, UndecodablePixelsError):
            return False
        except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
            faults.append(words_of("render", error))
            return False
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or not pixels.size:
            faults.append("render: no picture of 8 bits came out")
        return True

    def _examined(self, faults: list[str]) -> None:
        try:
            ended = examine(self._given, EligibilityRules(), lambda picture: picture)
        except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
            faults.append(words_of("examine", error))
            return
        if isinstance(ended, Failed) and ended.reason in OUR_FAULT:
            faults.append(f"examine: {ended.reason} {ended.detail}")

    def _reported(self, faults: list[str]) -> None:
        try:
            report = build_report(read_source(self._given), content(), Profile.BASIC_TEXT)
            for _ in pydicom.dcmread(BytesIO(report.encoded)).iterall():
                pass
        except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
            faults.append(words_of("report", error))


def _identified(given: bytes, faults: list[str]) -> None:
    try:
        identify(given)
    except (UnreadableDataSetError, MissingIdentifierError):
        pass
    except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
        faults.append(words_of("identify", error))
