"""What of a header may appear in a reason, an event, an error or a log.

Any text element may contain anything, such as a patient's name typed into Body Part Examined. Only
terms of the standard are shown; anything else is redacted.
"""

import re
from collections.abc import Iterable

_UID = re.compile(r"[0-9.]{1,64}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODALITIES = _words(
    """
    ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM
    HC HD IO IOL IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS
    OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD
    RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC AS CD
    CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST TI VF
    """
)
"""Defined Terms of Modality, retired ones last, and SC, which real files have.

Source: PS3.3 C.7.3.1.1.1.
"""
BODY_PARTS = _words(
    """
    ABDOMEN ABDOMENPELVIS ADRENAL ANKLE ANUS AORTA ARM AXILLA BACK BLADDER BRAIN BREAST BRONCHUS
    BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM CERVIX CHEEK CHESTABDOMEN CHESTABDPELVIS
    CIRCLEOFWILLIS CLAVICLE COCCYX COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW
    ESOPHAGUS EXTREMITY EYE EYELID FACE FEMUR FIBULA FINGER FOOT FOREARM GALLBLADDER HAND HEAD
    HEADNECK HEART HIP HUMERUS IAC ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX LEG LIVER LSPINE
    LSSPINE MANDIBLE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV
    NOSE ORBIT OVARY PANCREAS PAROTID PATELLA PELVIS PENIS PHARYNX PROSTATE RADIUS RECTUM RIB
    RIBS SCALP SCAPULA SCLERA SCROTUM SHOULDER SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH
    SUBMANDIBULAR TESTIS THIGH THUMB THYMUS THYROID TIBIA TLSPINE TMJ TMJOINT TOE TONGUE TRACHEA
    TSPINE ULNA URETER URETHRA UTERUS VAGINA VULVA WHOLEBODY WRIST ZYGOMA
    """
) | {"CERVICAL SPINE", "LUMBAR SPINE", "THORACIC SPINE", "LOWER LIMB", "UPPER LIMB"}
"""Defined Terms of Body Part Examined, and words that real files have. Source: PS3.16 annex L."""


def shown_terms(texts: Iterable[str], terms: frozenset[str]) -> str:
    """Return those texts that are terms; if none is, say so."""
    return ", ".join(sorted(terms.intersection(texts))) or "(not a standard term)"


def shown_uid(text: str) -> str:
    """Return a UID unchanged, and redact any other text. Source: PS3.5 section 9.1."""
    return text if is_uid(text) else "(invalid UID)"


def is_uid(text: str) -> bool:
    """Return whether a text has the form of a UID: digits and dots, at most 64."""
    return _UID.fullmatch(text) is not None
