"""What the JSON says; docs/webhook.schema.json is made of this."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from screening.domain.triage import Priority

VERSION: Literal["1"] = "1"
"""Another one when a field is removed or comes to mean something else; fields may be added."""
Probability = Annotated[float, Field(ge=0, le=1)]
Uid = Annotated[str, Field(max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Probabilities(_Part):
    """The ensemble's, 0 to 1."""

    covid19: Probability
    pneumonia: Probability
    normal: Probability


class Bundle(_Part):
    """What classified the image."""

    name: str
    version: str
    digest: str
    """Hexadecimal SHA-256."""
    trained: bool
    """False: the probabilities and the priority mean nothing."""


class Calibration(_Part):
    """The site's own, by which the priority was given."""

    name: str
    studies: int


class Patient(_Part):
    """As the image has it; empty where it does not."""

    id: str
    issuer_of_id: str
    name: str
    """Component groups separated by =, components by ^. Source: DICOM PS3.5 6.2 (PN)."""
    birth_date: str
    """YYYYMMDD."""
    sex: str


class Result(_Part):
    """The current result on one image."""

    version: Literal["1"] = VERSION
    type: Literal["result.made", "result.corrected"]
    """Corrected: it supersedes an earlier one on the same image."""
    id: Uid
    """The same each time that it is sent."""
    supersedes: Uid | None
    """The id of the earlier one."""
    study_instance_uid: str
    sop_instance_uid: str
    """Of the image."""
    structured_reports: tuple[Uid, ...]
    """SOP Instance UIDs of the reports on this result that were made by then."""
    priority: Priority
    rule: str
    """What gave the priority, in words."""
    probabilities: Probabilities
    bundle: Bundle
    calibration: Calibration | None
    """None: the thresholds are not calibrated for this site."""
    classified_at: datetime
    current_since: datetime
    caution: str
    """What a reader must know before reading any number."""
    accession_number: str | None = None
    """Absent, as the next, where the site does not send patient attributes."""
    patient: Patient | None = None


class Ping(_Part):
    """Sent by `screening destinations test`: to be answered, and to have no effect."""

    version: Literal["1"] = VERSION
    type: Literal["ping"] = "ping"


Body = Annotated[Result | Ping, Field(discriminator="type")]
"""What a webhook gets."""
