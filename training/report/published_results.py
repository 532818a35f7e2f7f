"""Results as the papers print them, for tests and for "ours beside the papers'".

Percentages are as printed. khan2020's tables are captioned after the table in the text given here;
its confusion matrices (figures 5 to 7) are images, whose counts the text does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class DetectedCounts:
    """rahimzadeh2020, table 3: counts of one class in one fold."""

    correct: int
    not_detected: int
    wrong: int


@dataclass(frozen=True, slots=True)
class RahimzadehCounts:
    """rahimzadeh2020, table 3: one row."""

    fold: int
    network: str
    covid19: DetectedCounts
    pneumonia: DetectedCounts
    normal: DetectedCounts


@dataclass(frozen=True, slots=True)
class RahimzadehPercentages:
    """rahimzadeh2020, table 4: one row; triples are COVID-19, pneumonia, normal, in percent."""

    fold: int | None
    """1 to 5, None for the average."""
    network: str
    overall_accuracy: float
    sensitivity: tuple[float, float, float]
    specificity: tuple[float, float, float]
    accuracy: tuple[float, float, float]
    precision: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class KhanPercentages:
    """One row of khan2020's tables, in percent; accuracy where the table has it."""

    precision: float
    recall: float
    specificity: float
    f_measure: float
    accuracy: float | None = None


XCEPTION, RESNET50V2, CONCATENATED = "Xception", "ResNet50V2", "Concatenated"

_TABLE_3 = (
    (1, XCEPTION, 26, 5, 101, 3983, 437, 569, 6245, 606, 378),
    (1, RESNET50V2, 27, 4, 96, 3858, 562, 480, 6334, 517, 507),
    (1, CONCATENATED, 26, 5, 68, 3745, 675, 309, 6526, 325, 628),
    (2, XCEPTION, 23, 8, 42, 3874, 546, 409, 6426, 425, 528),
    (2, RESNET50V2, 22, 9, 67, 3659, 761, 501, 6340, 511, 713),
    (2, CONCATENATED, 23, 8, 27, 3913, 507, 434, 6413, 438, 492),
    (3, XCEPTION, 21, 9, 28, 3942, 478, 436, 6411, 440, 463),
    (3, RESNET50V2, 22, 8, 97, 3770, 650, 392, 6433, 418, 587),
    (3, CONCATENATED, 25, 5, 35, 3847, 573, 342, 6502, 349, 550),
    (4, XCEPTION, 22, 9, 42, 3818, 602, 433, 6411, 440, 576),
    (4, RESNET50V2, 22, 9, 78, 4015, 405, 758, 6065, 786, 364),
    (4, CONCATENATED, 26, 5, 77, 3860, 560, 480, 6340, 511, 519),
    (5, XCEPTION, 21, 10, 41, 4041, 379, 502, 6335, 516, 362),
    (5, RESNET50V2, 21, 10, 42, 3604, 816, 284, 6549, 302, 802),
    (5, CONCATENATED, 24, 7, 43, 3941, 479, 390, 6442, 409, 462),
)
# fmt: off
_TABLE_4 = (
    (1, XCEPTION, 90.72, 83.87, 90.11, 91.15,
     99.10, 91.73, 91.51, 99.06, 91.10, 91.29, 20.47, 87.50, 94.29),
    (1, RESNET50V2, 90.41, 87.09, 87.28, 92.45,
     99.15, 93.03, 88.61, 99.12, 90.78, 90.94, 21.95, 88.93, 92.58),
    (1, CONCATENATED, 91.10, 83.87, 84.72, 95.25,
     99.40, 95.51, 85.89, 99.35, 91.29, 91.57, 27.65, 92.37, 91.22),
    (2, XCEPTION, 91.33, 74.19, 87.64, 93.79,
     99.63, 94.06, 88.14, 99.56, 91.55, 91.57, 35.38, 90.45, 92.40),
    (2, RESNET50V2, 88.66, 70.96, 82.78, 92.54,
     99.41, 92.72, 83.98, 99.33, 88.83, 89.17, 24.71, 87.95, 89.89),
    (2, CONCATENATED, 91.56, 74.19, 88.52, 93.60,
     99.76, 93.69, 88.95, 99.69, 91.67, 91.77, 46.00, 90.01, 92.87),
    (3, XCEPTION, 91.79, 70.00, 89.18, 93.57,
     99.75, 93.66, 89.60, 99.67, 91.91, 92.01, 42.85, 90.04, 93.26),
    (3, RESNET50V2, 90.47, 73.33, 85.29, 93.89,
     99.14, 94.30, 86.81, 99.07, 90.78, 91.11, 18.48, 90.58, 91.63),
    (3, CONCATENATED, 91.79, 83.33, 87.03, 94.90,
     99.69, 95.03, 87.64, 99.65, 91.90, 92.04, 41.66, 91.83, 92.20),
    (4, XCEPTION, 90.70, 70.96, 86.38, 93.57,
     99.63, 93.71, 87.06, 99.55, 90.84, 91.01, 34.37, 89.81, 91.75),
    (4, RESNET50V2, 89.38, 70.96, 90.83, 88.52,
     99.31, 88.99, 91.82, 99.23, 89.71, 89.82, 22.00, 84.11, 94.33),
    (4, CONCATENATED, 90.47, 83.87, 87.33, 92.54,
     99.32, 93.03, 88.34, 99.27, 90.80, 90.89, 25.24, 88.94, 92.43),
    (5, XCEPTION, 91.99, 67.74, 91.42, 92.46,
     99.64, 92.71, 91.87, 99.55, 92.20, 92.23, 33.87, 88.95, 94.59),
    (5, RESNET50V2, 90.01, 67.74, 81.53, 95.59,
     99.63, 95.87, 81.98, 99.54, 90.27, 90.23, 33.33, 92.69, 89.08),
    (5, CONCATENATED, 92.08, 77.41, 89.16, 94.03,
     99.62, 94.33, 89.62, 99.56, 92.31, 92.29, 35.82, 90.99, 93.30),
    (None, XCEPTION, 91.31, 73.35, 88.95, 92.91,
     99.55, 93.17, 89.63, 99.48, 91.52, 91.62, 33.39, 89.35, 93.26),
    (None, RESNET50V2, 89.79, 74.02, 85.54, 92.60,
     99.33, 92.98, 86.64, 99.26, 90.07, 90.25, 24.09, 88.85, 91.50),
    (None, CONCATENATED, 91.40, 80.53, 87.35, 94.06,
     99.56, 94.32, 88.09, 99.50, 91.60, 91.71, 35.27, 90.83, 92.40),
)
# fmt: on

RAHIMZADEH_TABLE_3: tuple[RahimzadehCounts, ...] = tuple(
    RahimzadehCounts(
        fold,
        network,
        DetectedCounts(*counts[:3]),
        DetectedCounts(*counts[3:6]),
        DetectedCounts(*counts[6:]),
    )
    for fold, network, *counts in _TABLE_3
)
RAHIMZADEH_TABLE_4: tuple[RahimzadehPercentages, ...] = tuple(
    RahimzadehPercentages(fold, network, overall, (a, b, c), (d, e, f), (g, h, i), (j, k, m))
    for fold, network, overall, a, b, c, d, e, f, g, h, i, j, k, m in _TABLE_4
)

KHAN_TABLE_3: Mapping[str, KhanPercentages] = MappingProxyType(
    {
        "fold 1": KhanPercentages(88, 87.7, 95.7, 87.6, 87.3),
        "fold 2": KhanPercentages(90.8, 90.7, 96.7, 90.7, 90),
        "fold 3": KhanPercentages(88.9, 89, 96.2, 88.9, 89.1),
        "fold 4": KhanPercentages(92.5, 92.2, 97.3, 92.1, 92.26),
        "average": KhanPercentages(90, 89.92, 96.4, 89.8, 89.6),
    }
)
KHAN_TABLE_4: Mapping[str, KhanPercentages] = MappingProxyType(
    {
        "covid19": KhanPercentages(93.17, 98.25, 97.9, 95.61),
        "normal": KhanPercentages(95.25, 93.5, 98.1, 94.3),
        "bacterial_pneumonia": KhanPercentages(86.85, 85.9, 95, 86.3),
        "viral_pneumonia": KhanPercentages(84.1, 82.1, 94.8, 83.1),
    }
)
KHAN_TABLE_5: Mapping[str, KhanPercentages] = MappingProxyType(
    {
        "4-class": KhanPercentages(90, 89.92, 96.4, 89.8, 89.6),
        "3-class": KhanPercentages(95, 96.9, 97.5, 95.6, 95),
        "binary": KhanPercentages(98.3, 99.3, 98.6, 98.5, 99),
    }
)
KHAN_TABLE_6: Mapping[str, KhanPercentages] = MappingProxyType(
    {
        "covid19": KhanPercentages(97, 89, 99.6, 93),
        "normal": KhanPercentages(92, 85, 97.7, 89),
        "pneumonia": KhanPercentages(87, 95, 88.7, 91),
        "average": KhanPercentages(92, 90, 95.3, 91, 90.21),
    }
)
"""The table names its third class "Pneumonia Bacterial"; Dataset-2 tells no kinds apart."""
