"""Small objects that differ in their UIDs alone: thousands are made in a moment."""

import hashlib
import itertools
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from screening.domain.lifecycle import ClassificationState
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.storage_scu.objects import EncodedObject, identify
from tests.peers.receiving import radiograph

SCORED_SIDE_PIXELS, TOO_SMALL_SIDE_PIXELS = 160, 64
_ANY_INSTANCE, _ANY_STUDY = "2.25." + "7" * 30, "2.25." + "8" * 30
_numbers = itertools.count(1)


class Kind(StrEnum):
    """What becomes of an image; those too small go the whole way too, without a report."""

    SCORED = "scored"
    TOO_SMALL = "too small"

    @property
    def final_state(self) -> ClassificationState:
        """The state that it must end in."""
        scored = self is Kind.SCORED
        return ClassificationState.CLASSIFIED if scored else ClassificationState.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one study, with the digests of their data sets by SOP Instance UID."""

    kind: Kind
    study_instance_uid: str
    encoded: tuple[EncodedObject, ...]
    digests: dict[str, str]


def new_study(kind: Kind, count: int) -> Objects:
    """Return `count` objects of one study that were never there before."""
    study = _uid(next(_numbers))
    encoded = []
    digests = {}
    for _ in range(count):
        uid = _uid(next(_numbers))
        content = _template(kind).replace(_ANY_INSTANCE.encode(), uid.encode())
        made = identify(content.replace(_ANY_STUDY.encode(), study.encode()))
        assert isinstance(made.location, bytes)
        encoded.append(made)
        digests[uid] = hashlib.sha256(made.location[made.data_set_offset :]).hexdigest()
    return Objects(kind, study, tuple(encoded), digests)


def _uid(number: int) -> str:
    return f"2.25.1{number:029d}"


@cache
def _template(kind: Kind) -> bytes:
    side = SCORED_SIDE_PIXELS if kind is Kind.SCORED else TOO_SMALL_SIDE_PIXELS
    return radiograph(
        side=side,
        PixelData=phantom_image(1, side, side).tobytes(),
        SOPInstanceUID=_ANY_INSTANCE,
        StudyInstanceUID=_ANY_STUDY,
        SeriesInstanceUID=_ANY_STUDY + ".1",
    )
