"""What the page offers operators, handed to it by the command line: stations do not import ops."""

from screening.db.session import Database
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import ring_once
from screening.ops.correction_decisions import accept_correction, reject_correction
from screening.ops.delivery_control import release_parked, remake_failed_reports
from screening.settings import Settings
from screening.worklist.operations import OperatorActions


def operator_actions(settings: Settings, database: Database) -> OperatorActions:
    """Return the actions; each rings for the report workers, whose sweep does without it too."""
    celery = make_celery_app(settings)

    def release(destination: str) -> int:
        count = release_parked(database, destination)
        ring_once(celery, Queue.REPORT)
        return count

    def remake() -> int:
        count = remake_failed_reports(database)
        ring_once(celery, Queue.REPORT)
        return count

    def accept(number: int, by: str) -> None:
        accept_correction(database, number, by=by)
        ring_once(celery, Queue.CLASSIFY)
        ring_once(celery, Queue.REPORT)

    def reject(number: int, by: str) -> None:
        reject_correction(database, number, by=by)

    return OperatorActions(release, remake, accept, reject)
