"""The result as ORU^R01, read back by another library than the one that wrote it."""

import random
import string
from dataclasses import replace

import hl7
import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent, ReportReference
from screening.delivery.rendering import RENDERINGS
from screening.delivery.uids import report_instance_uid
from tests.peers.hl7_listener import problems
from tests.reports.samples import PREDECESSOR, bundle, content, header

SR = ReportReference("1.2.840.10008.5.1.4.1.1.88.33", "2.25.33", "1.2.3.1", "2.25.9")


def rendered(source: Dataset, said: ReportContent) -> hl7.Message:
    """Return the message; nothing in it is against the standard."""
    encoded = RENDERINGS.named("oru_r01").render(source, said).encoded
    assert encoded.endswith(b"\r")
    assert b"\n" not in encoded
    message = hl7.parse(encoded.decode())
    assert problems(message) == []
    return message


def observations(message: hl7.Message) -> dict[str, str]:
    """Return OBX-5 by the first component of OBX-3 and OBX-4."""
    return {
        f"{str(one(3)).split('^', 1)[0]} {one(4)}".strip(): str(one(5))
        for one in message.segments("OBX")
    }


def named(name: str) -> list[str]:
    """Return PID-5 of an image with this Patient's Name, unescaped."""
    source = header()
    source.SpecificCharacterSet = "ISO_IR 192"
    source.PatientName = name
    message = rendered(source, content())
    return [message.unescape(str(one)) for one in message.segment("PID")[5]]


def test_it_says_what_the_result_is() -> None:
    """Patient, order, priority, each probability in percent, the SR, and who computed it."""
    message = rendered(header(), replace(content(), companions=(SR,)))
    patient, order = message.segment("PID"), message.segment("OBR")
    assert [str(patient(n)) for n in (3, 7, 8)] == ["PID-77^^^HOSPITAL^PI", "19700131", "F"]
    assert str(patient(5)) == "Doe^Jane^^^^^L^A"
    assert [str(order(n)) for n in (3, 4, 7, 18, 24, 25)] == [
        "ACC-0123456789",
        "36643-5^XR Chest 2 Views^LN",
        "20260228235959.5+0130",
        "ACC-0123456789",
        "RAD",
        "R",
    ]
    said = observations(message)
    assert said["PRIORITY"] == "HIGH^HIGH^99SCREENING^394849002^High priority^SCT"
    assert (said["P-COVID19"], said["P-PNEUMONIA"], said["P-NORMAL"]) == ("72", "21", "7")
    assert said["SR-UID 1"] == "2.25.33"
    assert (said["110180"], said["IMAGE-UID"]) == ("1.2.3.1", "1.2.3.1.1.1")
    assert "Research use only" in said["121106 3"]
    [probability] = [one for one in message.segments("OBX") if "P-COVID19" in str(one(3))]
    assert str(probability(3)).endswith("^840539006^COVID-19^SCT")
    assert (str(probability(6)), str(probability(7)), str(probability(11))) == (
        "%^Percent^UCUM", "", "R",
    )  # fmt: skip
    assert str(probability(18)).startswith("covid-cxr 0.1.0^^2.25.")


def test_the_same_result_is_the_same_message_under_the_same_control_id() -> None:
    """A receiver knows one that comes again; another revision or bundle is another message."""
    once = RENDERINGS.named("oru_r01").render(header(), content())
    assert RENDERINGS.named("oru_r01").render(header(), content()) == once
    assert once.sop_instance_uid == report_instance_uid("1.2.3.1.1.1", bundle().digest, "oru_r01")
    ids = {
        str(rendered(header(), said).segment("MSH")(10))
        for said in (content(), content(version="2"), replace(content(), revision=1))
    }
    assert len(ids) == 3
    assert {len(one) for one in ids} == {20}


def test_what_supersedes_is_a_correction() -> None:
    """OBR-25 and every OBX-11; its time is when it came to be current."""
    later = content().classified_at.replace(hour=20)
    corrected = replace(content(predecessors=(PREDECESSOR,)), issued_at=later)
    message = rendered(header(), corrected)
    assert str(message.segment("OBR")(25)) == "C"
    assert {str(one(11)) for one in message.segments("OBX")} == {"C"}
    assert str(message.segment("MSH")(7)) == "20260301203015+0000"


@pytest.mark.parametrize(
    ("name", "repetitions"),
    [
        ("Doe^Jane", ["Doe^Jane^^^^^L^A"]),
        ("Müller^Zoë^Anna^Dr.^PhD", ["Müller^Zoë^Anna^PhD^Dr.^^L^A"]),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", [
            "Yamada^Tarou^^^^^L^A", "山田^太郎^^^^^L^I", "やまだ^たろう^^^^^L^P",
        ]),
        ("O|Neil&Sons^A~B", ["O|Neil&Sons^A~B^^^^^L^A"]),
        ("", ["^^^^^^U"]),
    ],
)  # fmt: skip
def test_names_keep_every_character(name: str, repetitions: list[str]) -> None:
    """Each component group is a repetition; delimiters are escaped."""
    assert named(name) == repetitions


def test_delimiters_and_line_ends_in_text_break_nothing() -> None:
    """They are escaped, or left out where the source's header may not hold them."""
    source = header()
    source.PatientID = "A|B^C&D~E"
    source.IssuerOfPatientID = "X|OBX|1"
    message = rendered(source, content())
    assert str(message.segment("PID")(3)) == "A\\F\\B\\S\\C\\T\\D\\R\\E^^^X\\F\\OBX\\F\\1^PI"
    source.PatientID = "A\rOBX|9|NM|x||99"
    assert [str(one[0]) for one in rendered(source, content())][:2] == ["MSH", "OBR"]


def test_what_an_image_lacks_is_left_out() -> None:
    """No PID without a patient ID; the study's UID as the order's number; no time, no offset."""
    source = header()
    for keyword in ("PatientID", "PatientSex", "StudyTime", "AccessionNumber"):
        delattr(source, keyword)
    source.ProcedureCodeSequence = []
    message = rendered(source, content(trained=False))
    assert [str(one[0]) for one in message][:2] == ["MSH", "OBR"]
    order = message.segment("OBR")
    assert [str(order(n)) for n in (3, 4, 7, 18)] == [
        "1.2.3.1", "399208008^Plain chest X-ray^SCT", "20260228", "",
    ]  # fmt: skip
    assert "UNTRAINED" in observations(message)["121106 1"]


TEXT = string.ascii_letters + "|^&~ =.-é山0"
DATES = ("", "20260228", "00010101", "99991231", "20240229")
TIMES = ("", "00", "2359", "235960", "235959.123456")


def test_whatever_a_header_may_hold_can_be_said() -> None:
    """The longest values of delimiters alone, any date, a leap second: each gives a message."""
    chance = random.Random(17)  # noqa: S311  no secret

    def some(longest: int) -> str:
        return "".join(chance.choices(TEXT, k=chance.randint(0, longest)))

    source = header()
    source.SpecificCharacterSet = "ISO_IR 192"
    for number in range(15):
        values = {
            "PatientID": "|" * 64 if number == 0 else some(64),
            "IssuerOfPatientID": "~" * 64 if number == 0 else some(64),
            "AccessionNumber": "&" * 16 if number == 0 else some(16),
            "PatientName": "&" * 64 if number == 0 else some(30),
            "StudyDate": chance.choice(DATES),
            "StudyTime": chance.choice(TIMES),
            "PatientBirthDate": chance.choice(DATES),
            "TimezoneOffsetFromUTC": chance.choice(["", "+1400", "-1200"]),
        }
        for keyword, value in values.items():
            tag = tag_for_keyword(keyword)
            assert tag is not None
            source.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
        rendered(source, content())
