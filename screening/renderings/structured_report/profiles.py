"""The profiles of structured reports, as literal tables. Source: DICOM PS3.4 B.5, PS3.3 A.35."""

from collections.abc import Mapping
from enum import StrEnum


class Profile(StrEnum):
    """Which kind of structured report a destination takes."""

    COMPREHENSIVE = "comprehensive"
    COMPREHENSIVE3D = "comprehensive3d"
    ENHANCED = "enhanced"
    BASIC_TEXT = "basic_text"


SOP_CLASSES: Mapping[Profile, str] = {
    Profile.COMPREHENSIVE: "1.2.840.10008.5.1.4.1.1.88.33",
    Profile.COMPREHENSIVE3D: "1.2.840.10008.5.1.4.1.1.88.34",
    Profile.ENHANCED: "1.2.840.10008.5.1.4.1.1.88.22",
    Profile.BASIC_TEXT: "1.2.840.10008.5.1.4.1.1.88.11",
}
TITLES: Mapping[Profile, str] = {
    Profile.COMPREHENSIVE: "comprehensive SR",
    Profile.COMPREHENSIVE3D: "comprehensive3d SR",
    Profile.ENHANCED: "enhanced SR",
    Profile.BASIC_TEXT: "basic text SR",
}
