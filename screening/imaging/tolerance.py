"""What an object breaks of the standard and is read in spite of: recorded with its picture."""

from collections.abc import Mapping
from enum import StrEnum


class Tolerance(StrEnum):
    """One thing in which an object was not taken at its word."""

    OFFSET_TABLE = "offset_table"
    SEQUENCE_DELIMITER = "sequence_delimiter"
    CODESTREAM_PRECISION = "codestream_precision"
    HIGH_BIT = "high_bit"
    LUT_RANGE = "lut_range"
    LUT_COUNT = "lut_count"
    LUT_PACKING = "lut_packing"
    LUT_FIRST_VALUE = "lut_first_value"
    LUT_UNUSABLE = "lut_unusable"
    DECIMAL_COMMA = "decimal_comma"
    RESCALE_COMPLETED = "rescale_completed"
    RESCALE_UNUSABLE = "rescale_unusable"
    WINDOW_UNUSABLE = "window_unusable"
    VOI_LUT_FUNCTION = "voi_lut_function"
    PRESENTATION_LUT_SHAPE = "presentation_lut_shape"


TOLERANCE_MEANINGS: Mapping[Tolerance, str] = {
    Tolerance.OFFSET_TABLE: "the offset table is wrong; the fragments are one frame all the same",
    Tolerance.SEQUENCE_DELIMITER: "Pixel Data ends without its delimiter, behind a whole fragment",
    Tolerance.CODESTREAM_PRECISION: "the compressed data are of other bits than the header says",
    Tolerance.HIGH_BIT: "High Bit contradicts the values, or Bits Stored; the values decide",
    Tolerance.LUT_RANGE: "a LUT's entries are of fewer or more bits than its descriptor says",
    Tolerance.LUT_COUNT: "a LUT has other entries than its descriptor counts; its data decide",
    Tolerance.LUT_PACKING: "a LUT's 8-bit entries are packed two to a word",
    Tolerance.LUT_FIRST_VALUE: "a LUT's first value mapped is of the other sign than its inputs",
    Tolerance.LUT_UNUSABLE: "a LUT has no usable entries and is left out",
    Tolerance.DECIMAL_COMMA: "a number has a decimal comma, read as a point",
    Tolerance.RESCALE_COMPLETED: "of Rescale Slope and Intercept one is absent: 1 or 0",
    Tolerance.RESCALE_UNUSABLE: "Rescale Slope or Intercept is no number; no window is applied",
    Tolerance.WINDOW_UNUSABLE: "a window is no pair of numbers or not wide enough",
    Tolerance.VOI_LUT_FUNCTION: "VOI LUT Function is none of the standard's; LINEAR is taken",
    Tolerance.PRESENTATION_LUT_SHAPE: "Presentation LUT Shape contradicts the photometric one",
}
