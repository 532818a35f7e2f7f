"""What the SCP offers: SOP classes, and the transfer syntaxes that decode here.

`docs/conformance.md` is compared with these tables by a test.
"""

from collections.abc import Mapping, Sequence

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

from screening.domain.commitment import COMMITMENT_PUSH_MODEL
from screening.imaging.transfer_syntaxes import decodable_transfer_syntaxes

STORAGE_SOP_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture Image Storage",
}


def supported_contexts(extra_sop_classes: Sequence[str] = ()) -> list[PresentationContext]:
    """Return the presentation contexts the SCP supports."""
    transfer_syntaxes = list(decodable_transfer_syntaxes())
    storage = dict.fromkeys([*STORAGE_SOP_CLASSES, *extra_sop_classes])
    return [
        build_context(Verification),
        _commitment_context(),
        *(build_context(sop_class, transfer_syntaxes) for sop_class in storage),
    ]


def _commitment_context() -> PresentationContext:
    """Both roles: peers ask us, and tell us what we asked (PS3.4 J.3, PS3.7 D.3.3.4)."""
    context = build_context(COMMITMENT_PUSH_MODEL, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    context.scu_role = context.scp_role = True
    return context
