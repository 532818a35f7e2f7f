"""Which hospital, or block of hospitals that cannot be told apart, an image comes from.

A block is left out and drawn together: images of one hospital in two sources are one block, and so
are collections whose images name no hospital, or share some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Adult(StrEnum):
    """Whether the patient is an adult."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source's block, and whether its patients are adults where its table does not say."""

    hospital: str
    adult: Adult


KNOWN_SOURCES: Mapping[str, KnownSource] = {
    "bimcv": KnownSource("valencia", Adult.UNKNOWN),
    "covid_cxnet": KnownSource("covid_cxnet", Adult.UNKNOWN),
    "ieee8023": KnownSource("ieee8023", Adult.UNKNOWN),
    "ieee8023_late": KnownSource("ieee8023", Adult.UNKNOWN),
    "kermany": KnownSource("guangzhou", Adult.NO),
    "kermany224": KnownSource("guangzhou", Adult.NO),
    "kermany_native": KnownSource("guangzhou", Adult.NO),
    "nih_cxr8": KnownSource("nih", Adult.YES),
    "nih_cxr14": KnownSource("nih", Adult.YES),
    "nih_starter": KnownSource("nih", Adult.YES),
    "ozturk_covid": KnownSource("ieee8023", Adult.UNKNOWN),
    "pakistan_tb": KnownSource("pakistan", Adult.UNKNOWN),
    "policlinico": KnownSource("milan_policlinico", Adult.UNKNOWN),
    "rsna": KnownSource("nih", Adult.UNKNOWN),
    "shenzhen": KnownSource("tb_database", Adult.UNKNOWN),
    "tbdb": KnownSource("tb_database", Adult.UNKNOWN),
}
"""rsna: the challenge's images are NIH's. ozturk_covid: its COVID-19 images are ieee8023's. tbdb
holds Shenzhen, Montgomery County and Belarus, not told apart. ieee8023 and covid_cxnet are cases of
many hospitals, published one by one."""


def hospital_of(source: str, published: str = "") -> str:
    """Return a source's block: the table's, else the published hospital, else the source."""
    known = KNOWN_SOURCES.get(source)
    return known.hospital if known else published or source


def hospitals_seen(provenance: Mapping[str, Any]) -> frozenset[str]:
    """Return the hospitals that a bundle's members were trained on or chosen by.

    provenance: of its manifest.
    """
    return frozenset(
        hospital_of(source)
        for member in provenance.get("members", ())
        for part in ("train", "validation")
        for sources in member["images"].get(part, {}).values()
        for source in sources
    )


def adult_of(source: str) -> Adult:
    """Return what the table says of a source's patients."""
    known = KNOWN_SOURCES.get(source)
    return known.adult if known else Adult.UNKNOWN
