"""What the page offers readers and operators: stations do not import ops."""

from functools import partial

from screening.db.session import Database
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import ring_once
from screening.ops.correction_decisions import accept_correction, reject_correction
from screening.ops.delivery_control import release_parked, remake_failed_reports
from screening.ops.heat_maps import ask_for_heat_maps
from screening.ops.reading.claims import claim_study, mark_read, release_claim, take_back
from screening.ops.reading.feedback import give_feedback
from screening.settings import Settings
from screening.spool.previews import Previews
from screening.spool.store import Spool
from screening.worklist.operations import OperatorActions
from screening.worklist.pictures.heat_maps import AskForHeatMaps
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.pictures.process import RendererProcess, renderer_command
from screening.worklist.reading import ReaderActions

RENDERERS = 2
"""Processes that make pictures, each of about 100 MB; the second starts when the first is busy."""


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


def pictures_of(settings: Settings) -> Pictures:
    """Return the pictures of the objects in the spool."""
    folder = settings.resolved_web_preview_dir
    previews = Previews(
        folder, Spool(settings.spool_dir), largest_bytes=settings.web_preview_mib << 20
    )
    command = renderer_command(settings.spool_dir, folder)
    return Pictures(previews, [RendererProcess(command) for _ in range(RENDERERS)])


def heat_maps_asked(settings: Settings, database: Database) -> AskForHeatMaps:
    """Return what asks for heat-maps, and rings for the classify workers."""
    celery = make_celery_app(settings)

    def ask(sha256: str, by: str) -> None:
        ask_for_heat_maps(database, sha256, by)
        ring_once(celery, Queue.CLASSIFY)

    return ask


def reader_actions(database: Database) -> ReaderActions:
    """Return what readers do with a study."""
    return ReaderActions(
        claim=partial(claim_study, database),
        release=partial(release_claim, database),
        mark_read=partial(mark_read, database),
        put_back=partial(take_back, database),
        give_feedback=partial(give_feedback, database),
    )
