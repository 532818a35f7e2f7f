"""A site with a study of each priority that two workstations may ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pydicom.dataset import Dataset

from screening.db.session import Database
from tests.peers.receiving import Receiver, running_receiver
from tests.peers.ups.workstation import WORKSTATION, Workstation, keys
from tests.rows.readings import add_study
from tests.rows.stored import NOON

OTHER = "READER_2"
STUDIES = {"1.2.3.1": "LOW", "1.2.3.2": "STAT", "1.2.3.3": "MEDIUM", "1.2.3.4": "HIGH"}


@contextmanager
def listed_studies(folder: Path, database: Database) -> Iterator[Receiver]:
    """Run an SCP over them."""
    for number, (study, priority) in enumerate(STUDIES.items()):
        add_study(database, study, priority, received_at=NOON + timedelta(minutes=number))
    settings = {
        "ups_peers": [{"ae_title": WORKSTATION}, {"ae_title": OTHER}],
        "ups_retrieve_ae_title": "PACS",
    }
    with running_receiver(folder, database, **settings) as running:
        yield running


def studies_of(found: list[Dataset]) -> list[str]:
    """Return the last figure of each match's study."""
    return [str(match.StudyInstanceUID).rsplit(".", 1)[1] for match in found]


def uid_of(asks: Workstation, study: str) -> str:
    """Return the UID of a study's step that counts now."""
    [match], _ = asks.find(keys(StudyInstanceUID=study))
    return str(match.SOPInstanceUID)
