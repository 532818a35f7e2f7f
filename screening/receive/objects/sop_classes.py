"""Which objects are received, by C-STORE and by STOW-RS.

`docs/conformance.md` is compared with the table by a test.
"""

from collections.abc import Mapping, Sequence

STORAGE_SOP_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture Image Storage",
}


def received_sop_classes(extra: Sequence[str]) -> tuple[str, ...]:
    """Return the UIDs of the Storage SOP classes that are received; extra: the site's own."""
    return tuple(dict.fromkeys([*STORAGE_SOP_CLASSES, *extra]))
