"""A batch runner with objects to screen, and an ensemble of the test's."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from screening.classify.batch import BatchRunner
from screening.db.session import Database
from screening.ensemble.ensemble import Ensemble
from screening.settings import Settings
from screening.spool.store import Spool, data_set_sha256
from tests.rows.stored import add_bundle, add_classification, add_instance


@contextmanager
def batch_runner(
    folder: Path,
    database: Database,
    ensemble: Ensemble,
    objects: Sequence[Path],
    *,
    batch_size: int = 8,
) -> Iterator[BatchRunner]:
    """Run batches of an ensemble below a folder, where these DICOM files wait, in their order."""
    settings = Settings(data_dir=folder, batch_size=batch_size)
    spool = Spool(settings.spool_dir)
    spool.prepare()
    with database.write() as session:
        bundle_id = add_bundle(session).id
        for path in objects:
            sha256 = data_set_sha256(path)
            spool.keep(_copied(path, folder), sha256)
            add_classification(session, add_instance(session, "1.2", sha256=sha256))
    runner = BatchRunner(
        settings=settings,
        database=database,
        ensemble=ensemble,
        bundle_id=bundle_id,
        worker="w",
        computing=threading.Lock(),
    )
    try:
        yield runner
    finally:
        runner.close()


def _copied(path: Path, folder: Path) -> Path:
    """Return a copy, since the spool moves what it keeps."""
    return Path(shutil.copy(path, folder / "received.dcm"))
