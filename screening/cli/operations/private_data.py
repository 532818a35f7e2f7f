"""The data folder as it must be before a station writes to it: its owner's alone."""

import stat
from pathlib import Path

from sqlalchemy.engine import make_url

from screening.logs import get_logger
from screening.private_files import OTHERS, make_private
from screening.settings import Settings

OWN_FOLDERS = ("spool", "reports", "logs", "broker")
SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
log = get_logger()


def mend_data_folder(settings: Settings) -> None:
    """Make private what an older version, a restored backup or somebody's umask left open.

    Only what is ours is touched, and the folder itself. What belongs to another user stays and is
    told in the log.
    """
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    own = [*(folder / name for name in OWN_FOLDERS), folder / "up.lock", *_database_files(settings)]
    refused = make_private(own)
    refused += _folder_made_private(folder)
    for path in refused:
        log.warning("open_to_everybody", path=str(path), advice="chmod go= it as its owner")


def _folder_made_private(folder: Path) -> list[Path]:
    try:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~OTHERS)
    except OSError:
        return [folder]
    return []


def _database_files(settings: Settings) -> list[Path]:
    url = make_url(settings.resolved_database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return []
    return [Path(f"{url.database}{suffix}") for suffix in SQLITE_SUFFIXES]
