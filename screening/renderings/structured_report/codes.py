"""Codes of the report, as literal tables.

Sources: DICOM PS3.16 (TID 300, 1002, 1004, 1204, 1500, 1501, 2000, 4019; CID 7000 to 7003),
SNOMED CT, LOINC, UCUM.
"""

from collections.abc import Mapping
from typing import NamedTuple

from screening.domain.scores import Class
from screening.domain.triage import Priority


class Code(NamedTuple):
    """A coded concept. Source: PS3.3 section 8.8."""

    value: str
    """At most 16 characters."""
    scheme_designator: str
    meaning: str
    """At most 64 characters."""


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

LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
DEVICE = Code("121007", "DCM", "Device")
DEVICE_OBSERVER_UID = Code("121012", "DCM", "Device Observer UID")
DEVICE_OBSERVER_NAME = Code("121013", "DCM", "Device Observer Name")
DEVICE_OBSERVER_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
DEVICE_OBSERVER_MODEL_NAME = Code("121015", "DCM", "Device Observer Model Name")
DEVICE_OBSERVER_SERIAL_NUMBER = Code("121016", "DCM", "Device Observer Serial Number")

IMAGING_MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UNIQUE_IDENTIFIER = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_FAMILY = Code("111000", "DCM", "Algorithm Family")

LUNG = Code("39607008", "SCT", "Lung")
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
PLAIN_CHEST_RADIOGRAPH = Code("399208008", "SCT", "Plain chest X-ray")
SOURCE = Code("260753009", "SCT", "Source")

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
