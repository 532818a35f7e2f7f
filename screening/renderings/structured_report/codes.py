"""Codes of the report, as literal tables.

Sources: DICOM PS3.16 (TID 1500, 1501, 2000; CID 7000 to 7003), SNOMED CT, LOINC, UCUM.
"""

from collections.abc import Mapping

from pydicom.sr.coding import Code

from screening.domain.scores import Class
from screening.domain.triage import Priority

CLASS_CODES: Mapping[Class, Code] = {
    Class.COVID19: Code("840539006", "SCT", "COVID-19"),
    Class.PNEUMONIA: Code("233604007", "SCT", "Pneumonia"),
    Class.NORMAL: Code("17621005", "SCT", "Normal"),
}
PRIORITY_CODES: Mapping[Priority, Code] = {
    Priority.STAT: Code("49499008", "SCT", "Stat"),
    Priority.HIGH: Code("394849002", "SCT", "High priority"),
    Priority.MEDIUM: Code("394848005", "SCT", "Normal priority"),
    Priority.LOW: Code("441808003", "SCT", "Delayed priority"),
}

LUNG = Code("39607008", "SCT", "Lung")
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
PLAIN_CHEST_RADIOGRAPH = Code("399208008", "SCT", "Plain chest X-ray")
SOURCE = Code("260753009", "SCT", "Source")

DEVICE = Code("121007", "DCM", "Device")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
PROBABILITY = Code("122157", "DCM", "Probability")
PERCENT = Code("%", "UCUM", "Percent")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
PRIORITY = Code("260870009", "SCT", "Priority")
COMMENT = Code("121106", "DCM", "Comment")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
ACQUISITION_EQUIPMENT = Code("109101", "DCM", "Acquisition Equipment")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")

DIAGNOSTIC_IMAGING_REPORT = Code("18748-4", "LN", "Diagnostic Imaging Report")
FINDINGS = Code("121070", "DCM", "Findings")
FINDING = Code("121071", "DCM", "Finding")
CONCLUSIONS = Code("121076", "DCM", "Conclusions")
CONCLUSION = Code("121077", "DCM", "Conclusion")
BEST_ILLUSTRATION = Code("121080", "DCM", "Best illustration of finding")
