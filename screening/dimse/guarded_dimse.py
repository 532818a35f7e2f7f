"""pynetdicom's DIMSE provider for untrusted peers, in both roles.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from screening.dimse.data_values import COMMAND, LAST, DataValue
from screening.transport.command_elements import UnusableCommandError

LARGEST_COMMAND_SET_BYTES = 1 << 16


class OversizedMessageError(Exception):
    """A data set that is larger than its kind of message has."""


class GuardedDIMSE(DIMSEServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Collects messages of a limited size, and each command set whole before pynetdicom sees it.

    A role decides in `take_command_set` and `take_data` what happens to them.
    """

    largest_data_set_bytes: ClassVar[int]
    """Of a data set that is collected in memory."""

    def __init__(self, association: Any) -> None:
        """Begin without a message."""
        super().__init__(association)
        self.message: Any = None
        self._command = bytearray()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a P-DATA. May raise anything where it cannot be decoded."""
        self.receive_values(primitive.presentation_data_value_list)

    def receive_values(self, values: Iterable[DataValue]) -> None:
        """Take the presentation data values of a P-DATA; they are valid during the call."""
        for context_id, fragment in values:
            control = fragment[0]
            if not control & COMMAND:
                self.take_data(context_id, fragment, is_last=bool(control & LAST))
                continue
            if not self._command:
                self.begin_command_set()
            self._command += fragment[1:]
            if len(self._command) > LARGEST_COMMAND_SET_BYTES:
                raise UnusableCommandError("a command set that does not end")
            if control & LAST:
                encoded, self._command = bytes(self._command), bytearray()
                self.take_command_set(context_id, encoded)

    def begin_command_set(self) -> None:
        """Finish the previous message: a new one begins."""

    def take_command_set(self, context_id: int, encoded: bytes) -> None:
        """Take a whole command set. Raises UnusableCommandError where it is none."""
        raise NotImplementedError

    def take_data(self, context_id: int, fragment: memoryview | bytes, *, is_last: bool) -> None:
        """Take a fragment of a data set, with its message control header."""
        raise NotImplementedError

    def pass_command_set_on(self, context_id: int, plain: bytes) -> None:
        """Hand pynetdicom a whole command set in plain form."""
        self.pass_on(context_id, bytes([COMMAND | LAST]) + plain)

    def pass_on(self, context_id: int, fragment: memoryview | bytes) -> None:
        """Hand pynetdicom one fragment. Raises OversizedMessageError."""
        passed = P_DATA()
        passed.presentation_data_value_list.append((context_id, bytes(fragment)))
        super().receive_primitive(passed)
        if self.message is None:
            return
        if self.message.data_set.tell() > self.largest_data_set_bytes:
            raise OversizedMessageError("a data set that is too large for its kind of message")
