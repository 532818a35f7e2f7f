"""Text by every character set of PS3.3 C.12.1.1.2, as devices write them."""

import pytest

from screening.imaging.dicom.character_sets import REPLACEMENT, decode_text

SINGLE_BYTE = [
    (100, "iso8859_1", "Buc^Jérôme"),
    (101, "iso8859_2", "Wałęsa^Šárka"),
    (109, "iso8859_3", "Ĉaplin^Ĝoja"),
    (110, "iso8859_4", "Ķēniņš^Ģirts"),
    (126, "iso8859_7", "Διονυσιος"),
    (127, "iso8859_6", "قباني^لنزار"),
    (138, "iso8859_8", "שרון^דבורה"),
    (144, "iso8859_5", "Люкceмбypг"),  # noqa: RUF001  so a public sample has it
    (148, "iso8859_9", "Çavuşoğlu^İpek"),
    (166, "tis_620", "นามสกุล^ชื่อ"),
    (203, "iso8859_15", "Œuf^Žoë=€"),
    (13, "shift_jis", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
]
KANJI, KANJI_END = b"\x1b$B", b"\x1b(B"


@pytest.mark.parametrize(("register", "codec", "name"), SINGLE_BYTE)
@pytest.mark.parametrize(
    "spelling",
    [
        "ISO_IR {}",
        "ISO 2022 IR {}",
        "ISO-IR {}",
        "ISO_IR_{}",
        "ISO IR {}",
        "ISO_IR{}",
        "iso_ir {}",
        "ISO 2022-IR {}",
        "ISO_2022_IR_{}",
        "ISO2022IR{}",
        "ISO 2022 {}",
        "ISO_IR {}\0",
        " ISO_IR {} ",
    ],
)
def test_single_byte_sets(register: int, codec: str, name: str, spelling: str) -> None:
    """Each set is known by its number, with and without code extensions, misspelt too."""
    assert decode_text(name.encode(codec), [spelling.format(register)], is_name=True) == name


@pytest.mark.parametrize(
    ("spelling", "codec"),
    [
        ("ISO_IR 192", "utf_8"),
        ("ISO IR 192", "utf_8"),
        ("ISO_IR_192", "utf_8"),
        ("ISO 2022 IR 192", "utf_8"),
        ("UTF-8", "utf_8"),
        ("utf8", "utf_8"),
        ("GB18030", "gb18030"),
        ("GB 18030", "gb18030"),
        ("GBK", "gbk"),
        ("ISO 2022 GBK", "gbk"),
    ],
)
def test_sets_without_code_extensions(spelling: str, codec: str) -> None:
    """UTF-8, GB18030 and GBK, whose second bytes may look like delimiters."""
    name = "Wang^XiaoDong=王^小东乗"
    assert decode_text(name.encode(codec), [spelling], is_name=True) == name
    assert decode_text(name.encode(codec), ["", spelling], is_name=True) == name


CODE_EXTENSIONS = [
    (
        "Japanese, PS3.5 H.3.1",
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "Japanese, PS3.5 H.3.2",
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        (
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
            b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
        ),
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        "Japanese, supplementary kanji",
        ["", "ISO 2022 IR 87", "ISO 2022 IR 159"],
        b"A=\x1b$B;3\x1b$(D0!\x1b(B^B",
        "A=山丂^B",
    ),
    (
        "kanji whose bytes are delimiters",
        ["", "ISO 2022 IR 87"],
        b"\x1b$B" + "弌".encode("iso2022_jp")[3:5] + b"\x1b(B^X",
        "弌^X",
    ),
    (
        "Korean, PS3.5 I.2",
        ["", "ISO 2022 IR 149"],
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
            b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
        ),
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        "Korean, first and without escapes",
        ["ISO 2022 IR 149"],
        "홍^길동".encode("euc_kr"),
        "홍^길동",
    ),
    ("Korean without escapes", ["", "ISO 2022 IR 149"], "홍^길동".encode("euc_kr"), "홍^길동"),
    (
        "Chinese, PS3.5 K.2",
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
    ("Chinese, PS3.3's older name", ["", "ISO 2022 58"], b"\x1b$)A\xd5\xc5^X", "张^X"),
    (
        "Latin-9 and Cyrillic",
        ["ISO 2022 IR 203", "ISO 2022 IR 144"],
        b"\xbcuf^\x1b-L" + "Соня".encode("iso8859_5") + b"=\xa4",
        "Œuf^Соня=€",
    ),
    ("Latin-9 by its escape", ["", "ISO 2022 IR 203"], b"\x1b-b\xbcuf", "Œuf"),
    ("an escape to a set that is not declared", [""], b"\x1b-A\xe9", "é"),
    ("Shift JIS in the name of ISO_IR 13", ["ISO_IR 13"], "山田^ﾀﾛｳ".encode("cp932"), "山田^ﾀﾛｳ"),
]


@pytest.mark.parametrize(("declared", "value", "name"), [row[1:] for row in CODE_EXTENSIONS])
def test_code_extensions(declared: list[str], value: bytes, name: str) -> None:
    """Escapes change sets until a delimiter, and are no part of the text."""
    assert decode_text(value, declared, is_name=True) == name


def test_a_delimiter_brings_back_the_first_set() -> None:
    """In names ^ and =, in other text line ends; a backslash in both. Source: PS3.5 6.1.2.5.3."""
    declared = ["ISO 2022 IR 100", "ISO 2022 IR 126"]
    alpha = b"\x1b-F\xe1"
    assert decode_text(alpha + b"^\xe1", declared, is_name=True) == "α^á"  # noqa: RUF001
    assert decode_text(alpha + b"^\xe1", declared) == "α^α"  # noqa: RUF001
    assert decode_text(alpha + b"\\\xe1", declared) == "α\\á"  # noqa: RUF001


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ([], b"M\xfcller"),
        ([""], b"M\xfcller"),
        (["ISO_IR 6"], b"M\xfcller"),
        (["ISO_IR 999"], b"M\xfcller"),
        (["NONSENSE"], b"M\xfcller"),
        (["WINDOWS-1252", "ISO 2022 IR 100"], b"M\xfcller"),
        (["", "ISO 2022 IR 100", "ISO 2022 IR 101"], b"M\xfcller"),
        (["ISO_IR 192"], b"M\xfcller"),
        (["ISO_IR 126"], b"M\xffller"),
        (["", "ISO 2022 IR 87"], b"M\x1b$Zller"),
        (["", "ISO 2022 IR 58"], b"\x1b$)A\xd5"),
    ],
)
def test_what_nobody_can_know_is_replaced(declared: list[str], value: bytes) -> None:
    """A wrong name is worse than one with a hole; the ASCII around it stays."""
    text = decode_text(value, declared)
    assert REPLACEMENT in text
    assert "ü" not in text


@pytest.mark.parametrize("declared", [[], [""], ["NONSENSE"], ["ISO_IR 192"], ["", "GBK"]])
def test_ascii_needs_no_character_set(declared: list[str]) -> None:
    """Whatever is declared, ASCII is ASCII."""
    assert decode_text(b"PHANTOM^ANNA", declared, is_name=True) == "PHANTOM^ANNA"
