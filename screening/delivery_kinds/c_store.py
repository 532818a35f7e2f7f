"""C-STORE to a Storage SCP, which may be asked whether it keeps what it took.

Presentation contexts, transfer syntaxes and Storage Commitment are matters of this kind alone.
Source: DICOM PS3.4 annexes A, B and J.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import (
    KINDS,
    Answer,
    Check,
    DestinationKind,
    Ending,
    Site,
    StoredReport,
)
from screening.delivery.rendering import DICOM, Rendering
from screening.domain.commitment import COMMITMENT_PUSH_MODEL
from screening.settings import Peer
from screening.storage_scu.destination import DicomDestination, configured_peer
from screening.storage_scu.outcomes import Outcome

OUTCOMES: Mapping[str, Ending] = {
    Outcome.DELIVERED: Ending.DELIVERED,
    Outcome.RETRY: Ending.RETRY,
    Outcome.REFUSED: Ending.REFUSED,
    Outcome.UNSENDABLE: Ending.REFUSED,
    Outcome.SKIPPED: Ending.REFUSED,
}
"""`screening.storage_scu.outcomes` has the statuses and rejections that lead to each."""
Commitment = Literal["none", "storage-commitment", "query"]
ASKED_BY: Mapping[Commitment, str] = {
    "storage-commitment": COMMITMENT_PUSH_MODEL,
    "query": "1.2.840.10008.5.1.4.1.2.2.1",
}
"""SOP classes. Source: PS3.4 J.3.5, C.6.2.1 (Study Root Query/Retrieve, FIND)."""


class CStoreSettings(Peer, DestinationSettings):
    """A Storage SCP."""

    commitment: Commitment = "none"
    """How it is asked whether it keeps reports: not at all, by Storage Commitment, by C-FIND."""

    @property
    def confirms(self) -> bool:
        """Whether it is to confirm that it keeps what it took."""
        return self.commitment != "none"


@dataclass(frozen=True, slots=True)
class CStoreSender:
    """Sends reports to a Storage SCP over one association."""

    peer: DicomDestination
    sop_class_uid: str
    commitment: Commitment = "none"

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Send the stored bytes."""
        from screening.storage_scu.peer_comment import without_patient
        from screening.storage_scu.scu import send_objects

        results = send_objects(self.peer, [report.content for report in reports])
        for result, report in zip(results, reports, strict=True):
            message = without_patient(result.comment, report.content)
            yield Answer(result.outcome, result.status_hex, message)

    def test(self) -> Iterator[Check]:
        """Ask for an association with what a report needs, and send a C-ECHO over it."""
        from screening.storage_scu.association import NotAssociatedError
        from screening.storage_scu.verification import verify

        needed = {"the reports' SOP class": self.sop_class_uid}
        if self.commitment != "none":
            needed[f"what commitment = {self.commitment} needs"] = ASKED_BY[self.commitment]
        try:
            found = verify(self.peer, needed.values())
        except NotAssociatedError as error:
            yield Check("association", passed=False, message=error.comment)
            return
        yield Check("association", passed=True, message=f"{self.peer.name} accepts it")
        for what, sop_class_uid in needed.items():
            yield _accepted(what, sop_class_uid, found.accepted)
        yield _echo(found.echo_status)


def _accepted(what: str, sop_class_uid: str, accepted: Collection[str]) -> Check:
    if sop_class_uid in accepted:
        return Check(what, passed=True, message=f"{sop_class_uid} is accepted")
    return Check(
        what,
        passed=False,
        message=f"expected a presentation context for {sop_class_uid}, the peer accepted none; "
        "make it accept one",
    )


def _echo(status: int | None) -> Check:
    """Return what a C-ECHO says; a peer that offers no Verification takes reports all the same."""
    if status is None:
        return Check("C-ECHO", passed=True, message="the peer offers no Verification, or is silent")
    return Check("C-ECHO", passed=status == 0, message=f"answered with 0x{status:04X}")


def _connect(chosen: CStoreSettings, rendering: Rendering, site: Site) -> CStoreSender:
    peer = configured_peer(
        chosen,
        name=chosen.name,
        calling_ae_title=site.ae_title,
        credentials=site.credentials,
    )
    return CStoreSender(peer, rendering.sop_class_uid, chosen.commitment)


KINDS.register(
    DestinationKind(
        name="c-store",
        meaning="C-STORE to a Storage SCP",
        settings=CStoreSettings,
        media_types=frozenset({DICOM}),
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
