"""The many findings that an image's label and note name, for training alone.

A network that must separate effusion from nodule looks at the lungs; one that must separate
three classes may look at what identifies the hospital. NIH's notes name up to 14 text-mined
findings, and what they do not name counts as absent; of other images only what the label says is
known.
Source: Wang et al. 2017, CVPR (ChestX-ray8), table 1 and the 6 findings added in ChestX-ray14;
Cohen et al. 2020, arXiv:2002.02497 (labels of several data sets, unknown ones masked).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.manifest import ImageRow, Label

NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
NIH_NOTE = "NIH text-mined:"
PNEUMONIA = "Pneumonia"
ABNORMAL = "abnormal"
FINDINGS: tuple[str, ...] = (
    ABNORMAL,
    "covid19",
    "tuberculosis",
    "bacterial",
    "viral",
    *NIH_FINDINGS,
)
KNOWN_OF_LABEL: Mapping[Label, Mapping[str, bool]] = {
    Label.COVID19: {
        "covid19": True,
        "viral": True,
        "bacterial": False,
        "tuberculosis": False,
    },
    Label.NORMAL: dict.fromkeys(FINDINGS, False),
    Label.BACTERIAL: {
        ABNORMAL: True,
        PNEUMONIA: True,
        "bacterial": True,
        "covid19": False,
        "viral": False,
    },
    Label.VIRAL_OTHER: {
        ABNORMAL: True,
        PNEUMONIA: True,
        "viral": True,
        "covid19": False,
        "bacterial": False,
    },
    Label.FUNGAL: {ABNORMAL: True, PNEUMONIA: True, "covid19": False},
    Label.PNEUMONIA_OTHER: {ABNORMAL: True, PNEUMONIA: True, "covid19": False},
    Label.TUBERCULOSIS: {ABNORMAL: True, "tuberculosis": True, "covid19": False},
    Label.OTHER_ABNORMAL: {ABNORMAL: True, "tuberculosis": False, "covid19": False},
}
"""What a label implies, whatever the note says. A positive PCR does not make lungs abnormal."""


def findings_of(row: ImageRow) -> Mapping[str, bool]:
    """Return the findings that are known to be there, or not, of one image."""
    known = dict(KNOWN_OF_LABEL[row.label])
    if row.note.startswith(NIH_NOTE):
        named = set(row.note.removeprefix(NIH_NOTE).partition(";")[0].strip().split("|"))
        known = {name: name in named for name in NIH_FINDINGS} | known
    return known


def finding_targets(rows: Sequence[ImageRow]) -> NDArray[np.float32]:
    """Return (images, 2, findings) float32: 1 where a finding is known, and 1 where it is there."""
    targets = np.zeros((len(rows), 2, len(FINDINGS)), np.float32)
    for place, row in enumerate(rows):
        for name, there in findings_of(row).items():
            targets[place, :, FINDINGS.index(name)] = 1.0, float(there)
    return targets
