"""Values that parsers are known to stumble over."""

from pydicom.datadict import tag_for_keyword

LENGTHS = (0, 1, 2, 3, 7, 0x7F, 0xFF, 0x100, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x00FFFFFF)
LENGTHS += (0x7FFFFFFF, 0x80000000, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF)
"""Of an element, an item or a PDU; 0xFFFFFFFF is undefined length."""

TEXTS = (
    b"",
    b" ",
    b"\0" * 4,
    b"-",
    b"1e308",
    b"-1e400",
    b"nan ",
    b"inf ",
    b"0x10",
    b"99999999999999999999",
    b"-1",
    b"1\\",
    b"\\\\\\\\",
    b"1.2\\x\\3",
    b"1..2",
    b"A" * 65,
    b"9" * 1000,
    b"\x1b$B\x1b(B",
    b"\x1b$B!",
    b"\x1b$)C\xff",
    b"\xff\xfe\x00\xd8",
    b"\xc3\x28",
    b"^=^=^=^=",
    b"20209999",
    b"00000000",
    b"000Y",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.1.99",
    b"ISO_IR 999",
    b"\\ISO 2022 IR 87",
    b"../../../etc/x",
    b"%s%n{0}",
    b"<script>",
)
"""Of any string VR."""

NUMBERS = (0, 1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 31, 32, 64, 255, 256, 1000, 0x7FFF, 0x8000, 0xFFFF)
"""Of a US or SS."""

VRS = b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI".split()
VRS += b"UL UN UR US UT UV ZZ \0\0 \xff\xff".split(b" ")

KEYWORDS = (
    "FileMetaInformationGroupLength",
    "TransferSyntaxUID",
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyDate",
    "StudyTime",
    "Modality",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientAge",
    "TimezoneOffsetFromUTC",
    "ProcedureCodeSequence",
    "AnatomicRegionSequence",
    "ViewCodeSequence",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "LUTDescriptor",
    "LUTData",
    "RedPaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "PresentationLUTShape",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
)
"""What the product reads of an object."""

TAGS = tuple(tag for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None)
STRUCTURE_TAGS = (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x00000000, 0x00080000, 0x00091001)
STRUCTURE_TAGS += (0x00020010, 0x7FE00008, 0x7FE00009, 0xFFFCFFFC, 0xFFFFFFFF)
"""Items and delimiters, group lengths, private, file meta information, other pixels, padding."""

MARKERS = (
    b"\xff\xd8\xff\xc0",
    b"\xff\xd9",
    b"\xff\xc3",
    b"\xff\xf7",
    b"\xff\xf8",
    b"\xff\x4f\xff\x51",
    b"\xff\x52",
    b"\xff\x90",
    b"\xff\x93",
    b"\xff\xd9\xff\xd9",
    b"\x00\x00",
    b"\xff\xff",
    b"\x80\x00",
    b"\x00\x00\x00\x0cjP  ",
    b"\x01\x00\x00\x00\x40\x00\x00\x00",
)
"""Of JPEG, JPEG-LS, JPEG 2000 and RLE. Source: ISO/IEC 10918-1, 14495-1, 15444-1; PS3.5 annex G."""
