"""Marks: texts that occur nowhere by accident, so that wherever one is found, it leaked.

A mark is planted at a place ("PatientName"); `found_in` tells the places whose marks some bytes
hold, also where these bytes are Base64, as message bodies are.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

_BASE64 = re.compile(rb"[A-Za-z0-9+/=_-]{24,}")
_FIRST_DAY_NUMBER = 18_000_101
"""Days before 1900: nothing else in these tests has such a date."""


@dataclass
class Marks:
    """Gives out marks and remembers where each was planted."""

    places: dict[str, str] = field(default_factory=dict)
    """Place by mark."""
    _numbers: int = 0

    def text(self, place: str) -> str:
        """Return nine letters and digits, legal in every VR that holds text (CS, SH, AE, ...)."""
        return self._remember(f"QX{self._next():06}Z", place)

    def name(self, place: str) -> str:
        """Return a PN value of five marks."""
        return "^".join(self.text(place) for _ in range(5))

    def uid(self, place: str) -> str:
        """Return a legal UID."""
        return self._remember(f"1.2.826.0.1.{7_000_000_000 + self._next()}.77", place)

    def number(self, place: str) -> str:
        """Return nine digits, legal in IS and DS."""
        return self._remember(f"{731_000_000 + self._next()}", place)

    def date(self, place: str) -> str:
        """Return a DA value, a day of the 19th century."""
        number = self._next()
        value = f"18{number // 336 % 100:02}{number // 28 % 12 + 1:02}{number % 28 + 1:02}"
        self._remember(f"{value[:4]}-{value[4:6]}-{value[6:]}", place)
        return self._remember(value, place)

    def time(self, place: str) -> str:
        """Return a TM value of one second in the night."""
        fraction = f"{917_000 + self._next() % 80_000}"
        self._remember(f"03:17:21.{fraction}", place)
        return self._remember(f"031721.{fraction}", place)

    def date_time(self, place: str) -> str:
        """Return a DT value of such a day and second."""
        return self._remember(self.date(place) + self.time(place), place)

    def found_in(self, content: bytes | str) -> set[str]:
        """Return the places whose marks occur."""
        raw = content if isinstance(content, bytes) else content.encode()
        found = self._places_in(raw)
        for run in _BASE64.findall(raw):
            for decoded in _decoded(run):
                found |= self._places_in(decoded)
        return found

    def _places_in(self, raw: bytes) -> set[str]:
        words = re.findall(rb"[0-9A-Za-z][0-9A-Za-z.-]*[0-9A-Za-z]", raw)
        words += re.findall(rb"\d\d:\d\d:\d\d\.\d{6}", raw)
        text = {word.decode().upper() for word in words}
        parts = {part for word in text for part in re.split(r"[.-]", word)}
        marks = {mark.decode() for mark in re.findall(rb"QX\d{6}Z", raw.upper())}
        return {self.places[one] for one in text | parts | marks if one in self.places}

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _remember(self, mark: str, place: str) -> str:
        self.places[mark] = place
        return mark


def _decoded(run: bytes) -> list[bytes]:
    found = []
    for start in range(min(4, len(run))):
        whole = run[start : start + (len(run) - start) // 4 * 4]
        try:
            found.append(base64.b64decode(whole, validate=True))
        except binascii.Error:
            continue
    return found
