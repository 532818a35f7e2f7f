"""Decodes text by Specific Character Set.

Written here since pydicom 3.0 leaves GB 2312's escapes in the text, does not know Latin-9, and
reads bytes of no or an unknown character set as Latin-1: as another name.
Source: PS3.3 C.12.1.1.2; PS3.5 sections 6.1.2.4 and 6.1.2.5, annexes H to K.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

REPLACEMENT = "\ufffd"
"""What stands for bytes that no declared character set explains."""
ESCAPE = 0x1B
LAST_G0 = 0x7F
NAME_DELIMITERS, TEXT_DELIMITERS = "\\^=", "\\\t\n\f\r"
"""After these the first character sets are in force again. Source: PS3.5 section 6.1.2.5.3."""


@dataclass(frozen=True, slots=True)
class _CodeElement:
    """A set in G0 or G1: characters of `width` bytes, decoded by `codec` behind `prefix`."""

    codec: str
    width: int = 1
    prefix: bytes = b""


ASCII = _CodeElement("ascii")
KATAKANA = _CodeElement("cp932")
"""JIS X 0201; Shift JIS holds it, and is what many mean who write ISO_IR 13."""
G1_SETS: Mapping[int, _CodeElement] = {
    13: KATAKANA,
    58: _CodeElement("gb2312", 2),
    100: _CodeElement("latin_1"),
    101: _CodeElement("iso8859_2"),
    109: _CodeElement("iso8859_3"),
    110: _CodeElement("iso8859_4"),
    126: _CodeElement("iso8859_7"),
    127: _CodeElement("iso8859_6"),
    138: _CodeElement("iso8859_8"),
    144: _CodeElement("iso8859_5"),
    148: _CodeElement("iso8859_9"),
    149: _CodeElement("euc_kr", 2),
    166: _CodeElement("tis_620"),
    203: _CodeElement("iso8859_15"),
}
"""By ISO registration number. Source: PS3.3 tables C.12-2 to C.12-4."""
G0_SETS: Mapping[int, _CodeElement] = {
    6: ASCII,
    14: ASCII,
    87: _CodeElement("euc_jp", 2),
    159: _CodeElement("euc_jp", 2, b"\x8f"),
}
"""Their bytes are set to those of G1 before decoding. ISO-IR 14's yen sign stays a backslash."""
ESCAPES: Mapping[bytes, int] = {
    b"(B": 6,
    b"(J": 14,
    b")I": 13,
    b"-A": 100,
    b"-B": 101,
    b"-C": 109,
    b"-D": 110,
    b"-F": 126,
    b"-G": 127,
    b"-H": 138,
    b"-L": 144,
    b"-M": 148,
    b"-T": 166,
    b"-b": 203,
    b"$B": 87,
    b"$(D": 159,
    b"$)A": 58,
    b"$)C": 149,
}
"""Behind ESC. Source: PS3.3 tables C.12-3 and C.12-4."""
WHOLE: Mapping[str, str] = {
    "192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
"""Without code extensions. Source: PS3.3 table C.12-5."""
OTHER_NAMES: Mapping[str, str] = {
    "UTF8": "192",
    "ISO10646UTF8": "192",
    "ISO2022GBK": "GBK",
    "ASCII": "6",
    "USASCII": "6",
    "ISO88591": "100",
    "ISO88592": "101",
    "ISO88593": "109",
    "ISO88594": "110",
    "ISO88595": "144",
    "ISO88596": "127",
    "ISO88597": "126",
    "ISO88598": "138",
    "ISO88599": "148",
    "ISO885911": "166",
    "ISO885915": "203",
}
"""What devices write, without blanks, hyphens and underscores."""
_NUMBERED = re.compile(r"(?:ISO)?(?:IR)?(?:2022)?(?:IR)?(\d{1,3})")
UNKNOWN = ""


def decode_text(value: bytes, character_sets: Sequence[str], *, is_name: bool = False) -> str:
    """Decode one element's text, all its values together.

    character_sets: the values of Specific Character Set, also as devices misspell them ("ISO-IR
    100", "UTF-8"). Without one, or with one that nobody knows, text is ASCII. A single character
    set with code extensions may be used without its escape. What cannot be decoded becomes U+FFFD.
    is_name: of VR PN, where ^ and = end a character set.
    """
    registers = [_register(name) for name in character_sets]
    first = registers[0] if registers else "6"
    others = registers if first == "6" else registers[:1]
    if whole := next((WHOLE[register] for register in others if register in WHOLE), None):
        return value.decode(whole, "replace")
    return _Decoder(_first_g1(registers), NAME_DELIMITERS if is_name else TEXT_DELIMITERS).text(
        value
    )


def _register(name: str) -> str:
    """Return an ISO registration number, or a key of WHOLE; UNKNOWN for what nobody knows."""
    plain = re.sub(r"[^A-Z0-9]", "", name.upper())
    plain = OTHER_NAMES.get(plain, plain) or "6"
    if plain in WHOLE:
        return plain
    match = _NUMBERED.fullmatch(plain)
    number = int(match[1]) if match else 0
    is_known = number in G1_SETS or number in G0_SETS
    return str(number) if is_known or str(number) in WHOLE else UNKNOWN


def _first_g1(registers: Sequence[str]) -> _CodeElement | None:
    """Return what bytes above 127 mean without an escape.

    That is the first value's set; where it has none, the only other one that has.
    """
    if not registers or UNKNOWN in registers[:1]:
        return None
    upper = [G1_SETS.get(int(register)) for register in registers if register.isdigit()]
    if upper and upper[0] is not None:
        return upper[0]
    declared = {element for element in upper if element is not None}
    return declared.pop() if len(declared) == 1 and UNKNOWN not in registers else None


class _Decoder:
    """Goes through bytes with the sets that G0 and G1 hold. Source: ISO/IEC 2022."""

    def __init__(self, first_g1: _CodeElement | None, delimiters: str) -> None:
        self._first_g1 = first_g1
        self._delimiters = delimiters
        self._g0, self._g1 = ASCII, first_g1

    def text(self, value: bytes) -> str:
        """Return the text of these bytes."""
        out = []
        at = 0
        while at < len(value):
            if value[at] == ESCAPE:
                length, character = self._escape(value[at + 1 : at + 4])
            elif value[at] > LAST_G0:
                length, character = self._from_g1(value[at:])
            else:
                length, character = self._from_g0(value[at : at + 2])
            out.append(character)
            at += length
        return "".join(out)

    def _escape(self, behind: bytes) -> tuple[int, str]:
        for length in (3, 2):
            register = ESCAPES.get(behind[:length])
            if register is None:
                continue
            if register in G1_SETS:
                self._g1 = G1_SETS[register]
            else:
                self._g0 = G0_SETS[register]
            return 1 + length, ""
        self._g1 = None
        return 1, REPLACEMENT

    def _from_g0(self, pair: bytes) -> tuple[int, str]:
        if self._g0.width == 2 and 0x20 < pair[0] < LAST_G0:  # noqa: PLR2004  94 x 94 characters
            raised = bytes(byte | 0x80 for byte in pair)
            return 2, _decoded(self._g0.prefix + raised, self._g0.codec)
        character = chr(pair[0])
        if character in self._delimiters:
            self._g0, self._g1 = ASCII, self._first_g1
        return 1, character

    def _from_g1(self, rest: bytes) -> tuple[int, str]:
        if self._g1 is None:
            return 1, REPLACEMENT
        width = self._g1.width
        if self._g1 is KATAKANA and not 0xA0 < rest[0] < 0xE0:  # noqa: PLR2004  Shift JIS's lead bytes
            width = 2
        return width, _decoded(rest[:width], self._g1.codec)


def _decoded(character: bytes, codec: str) -> str:
    text = character.decode(codec, "replace")
    return text if len(text) == 1 else REPLACEMENT
