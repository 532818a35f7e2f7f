"""Sends objects to a Storage SCP, and reports the result of each."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from screening.domain.shown_values import shown_uid
from screening.errors import MissingIdentifierError, UnreadableDataSetError
from screening.storage_scu.association import (
    Context,
    NotAssociatedError,
    StorageAssociation,
    associate,
    contexts_of,
)
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import (
    EncodedObject,
    MediaDirectoryError,
    files_under,
    identify,
)
from screening.storage_scu.outcomes import Outcome, SendResult, status_rule

MAXIMUM_CONTEXTS = 128
"""Presentation contexts of one association: odd IDs, 1 to 255 (PS3.8 9.3.2.2)."""


@dataclass(slots=True)
class _Batch:
    """What one association can carry: entries in order, and the contexts they need.

    An entry that is a result already is not sent, only reported in its turn.
    """

    entries: list[EncodedObject | SendResult] = field(default_factory=list)
    contexts: dict[Context, None] = field(default_factory=dict)

    def has_room_for(self, contexts: Iterable[Context]) -> bool:
        return len(self.contexts | dict.fromkeys(contexts)) <= MAXIMUM_CONTEXTS


def send_files(destination: DicomDestination, paths: Iterable[Path]) -> Iterator[SendResult]:
    """Send files, and those in folders at any depth; one result per file, in order.

    The heads of all files are read before the first association opens; then each is streamed from
    disk in its turn.
    """
    yield from send_objects(destination, files_under(paths))


def send_objects(
    destination: DicomDestination, locations: Iterable[Path | bytes]
) -> Iterator[SendResult]:
    """Send files or whole encoded objects; one result each, in order.

    Over one association, unless more than 128 presentation contexts are needed or the peer ends
    it: then the next object gets another, up to one that carries nothing, after which all that
    are left are to be retried.
    """
    for batch in _batches(locations):
        yield from _send_batch(destination, batch)


def _batches(locations: Iterable[Path | bytes]) -> list[_Batch]:
    batches = [_Batch()]
    for number, location in enumerate(locations, start=1):
        label = str(location) if isinstance(location, Path) else f"object {number}"
        entry = _entry(location, label)
        contexts = contexts_of(entry) if isinstance(entry, EncodedObject) else ()
        if not batches[-1].has_room_for(contexts):
            batches.append(_Batch())
        batches[-1].entries.append(entry)
        batches[-1].contexts |= dict.fromkeys(contexts)
    return batches


def _entry(location: Path | bytes, label: str) -> EncodedObject | SendResult:
    try:
        return identify(location, label)
    except MediaDirectoryError as error:
        return SendResult(label, Outcome.SKIPPED, str(error))
    except (UnreadableDataSetError, MissingIdentifierError) as error:
        return SendResult(label, Outcome.UNSENDABLE, str(error))


def _send_batch(destination: DicomDestination, batch: _Batch) -> Iterator[SendResult]:
    left = deque(batch.entries)
    if not batch.contexts:
        yield from (entry for entry in left if isinstance(entry, SendResult))
        return
    while left:
        carried = False
        try:
            with associate(destination, batch.contexts) as association:
                while left and association.is_established:
                    result = _send_one(association, left.popleft())
                    carried = carried or result.status is not None
                    yield result
        except NotAssociatedError as error:
            yield from (_not_sent(entry, error.outcome, error.comment) for entry in left)
            return
        if not carried:
            comment = f"{destination.name} ended the association before this object; try again"
            yield from (_not_sent(entry, Outcome.RETRY, comment) for entry in left)
            return


def _not_sent(entry: EncodedObject | SendResult, outcome: Outcome, comment: str) -> SendResult:
    return entry if isinstance(entry, SendResult) else _result(entry, outcome, comment)


def _send_one(association: StorageAssociation, found: EncodedObject | SendResult) -> SendResult:
    if isinstance(found, SendResult):
        return found
    context = association.context_for(found)
    if context is None:
        return _result(
            found,
            Outcome.REFUSED,
            f"expected a presentation context for SOP class {shown_uid(found.sop_class_uid)} with "
            f"transfer syntax {shown_uid(found.transfer_syntax_uid)}, the peer accepted none; "
            "make it accept them",
        )
    try:
        answer = association.store(found, context)
    except UnreadableDataSetError as error:
        return _result(found, Outcome.UNSENDABLE, str(error))
    if answer.status is None:
        return _result(
            found, Outcome.RETRY, "the peer aborted or did not answer in time; try again"
        )
    rule = status_rule(answer.status)
    notes = [rule.meaning, answer.error_comment]
    if answer.reencoded:
        notes.append(f"re-encoded for the peer as {context.transfer_syntax_uid}")
    return _result(found, rule.outcome, "; ".join(filter(None, notes)), answer.status)


def _result(
    found: EncodedObject, outcome: Outcome, comment: str, status: int | None = None
) -> SendResult:
    return SendResult(
        label=found.label,
        outcome=outcome,
        comment=comment,
        sop_class_uid=found.sop_class_uid,
        sop_instance_uid=found.sop_instance_uid,
        status=status,
    )
