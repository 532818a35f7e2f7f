"""Compare an object with the one that stands for its SOP Instance UID: picture, then patient."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from screening.classify.examine import DAMAGED
from screening.domain.correction import differing, in_words
from screening.domain.eligibility import Reason
from screening.ensemble.examination import Failed, guarded
from screening.imaging.dicom.identification import read_identification
from screening.imaging.same_picture import compare_pictures
from screening.spool.store import Spool

REMOVED = "its image was removed by retention, so that the pictures cannot be compared"


@dataclass(frozen=True, slots=True)
class StandingObject:
    """The object that stands for a SOP Instance UID. removed: retention took its file."""

    instance_id: int
    sha256: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What an object is beside the one that stands.

    reason: one of those instead of which another stands; found: in words; attributes: keywords of
    what differs. identification: of both, by keyword, kept out of `repr`.
    """

    standing_instance_id: int
    reason: Reason
    found: str
    attributes: tuple[str, ...] = ()
    stands: Mapping[str, str] | None = field(default=None, repr=False)
    corrected: Mapping[str, str] | None = field(default=None, repr=False)


def compare_kept(spool: Spool, sha256: str, standing: StandingObject) -> Compared | Failed:
    """Compare the spooled object of this digest with the one that stands. Never raises.

    A conflict where the pictures differ, or cannot be compared; a repetition where nothing that
    counts differs; else a correction, which waits for a decision.
    """

    def comparison() -> Compared | Failed:
        if standing.removed:
            return _conflict(standing, REMOVED)
        if not (spool.is_undamaged(sha256) and spool.is_undamaged(standing.sha256)):
            return DAMAGED
        return _compare(spool, sha256, standing)

    return guarded(comparison)


def _compare(spool: Spool, sha256: str, standing: StandingObject) -> Compared:
    first, second = spool.path_of(standing.sha256), spool.path_of(sha256)
    pictures = compare_pictures(first, second)
    if not pictures.same:
        return _conflict(standing, pictures.found)
    stands, corrected = read_identification(first), read_identification(second)
    attributes = differing(stands, corrected)
    return Compared(
        standing.instance_id,
        Reason.CORRECTION_WAITING if attributes else Reason.REPEATED_PICTURE,
        f"other {in_words(attributes)}" if attributes else "the same stored pixels",
        attributes,
        stands,
        corrected,
    )


def _conflict(standing: StandingObject, found: str) -> Compared:
    return Compared(standing.instance_id, Reason.CONFLICTING_INSTANCE, found)
