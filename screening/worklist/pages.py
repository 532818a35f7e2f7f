"""The HTML pages, from templates; every value is escaped."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from screening import __version__
from screening.db.breakers import FailingDestination
from screening.db.bundle_rows import ActiveBundle
from screening.db.calibration_state import CalibrationState
from screening.db.corrections import CorrectionDetail
from screening.domain.reading import called_class
from screening.domain.shown_values import is_uid
from screening.drift.of_senders import SenderDrift
from screening.settings import Settings
from screening.worklist import wording
from screening.worklist.access.access import Visitor
from screening.worklist.figures.totals import Totals
from screening.worklist.model import CLASS_FIGURES, Model
from screening.worklist.studies.counts import MOST_COUNTED
from screening.worklist.studies.criteria import ImageState, Selection, Show
from screening.worklist.studies.ordering import ReadingPriority, WorklistEntry, WorklistPage
from screening.worklist.studies.other_studies import OtherStudy
from screening.worklist.studies.places import STARTS, Place
from screening.worklist.studies.query import MOST_LOOKED_AT, SelectedStudies
from screening.worklist.studies.report_text import ReportLine
from screening.worklist.studies.study import HistoryLine, InstanceDetail

WILDCARD_HOSTS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  compared with, not listened on
REFRESH_S = 5
UNREAD = Selection(show=Show.UNREAD, is_sorted=False)
"""What the reading order shows."""
CHARACTERS_OF_A_LINE = 46
MOST_LINES = 12
"""Of the text in a drawing that stands where a picture should be."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send images. host: "" if the receiver listens on every address."""

    ae_title: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Board:
    """One page of the worklist at one moment.

    by_priority: how many studies there are on all pages. bundle: the one that scores new images
    now. untrained: it, or one that scored a listed study, is untrained. calibration: whose of the
    site's own calibrations of it are in force. drift_warnings: a sentence for each sender of a
    listed study whose images are unlike those that the bundle knows.
    """

    place: Place
    page: WorklistPage
    by_priority: Mapping[ReadingPriority, int]
    totals: Totals
    bundle: ActiveBundle | None
    untrained: bool
    drift_warnings: tuple[str, ...]
    at: datetime
    calibration: CalibrationState = field(default_factory=CalibrationState)


@dataclass(frozen=True, slots=True)
class SelectionBoard:
    """One page of the studies that a reader selects, at one moment.

    text: what they search, "" for everything. untrained: a bundle that scored a shown study is.
    drift_warnings: a sentence for each sender of a shown study whose images are unlike known ones.
    """

    selection: Selection
    text: str = field(repr=False)
    page: SelectedStudies
    is_first: bool
    untrained: bool
    drift_warnings: Sequence[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class StudyPage:
    """What one study's page shows, at one moment."""

    entry: WorklistEntry
    instances: Sequence[InstanceDetail]
    history: Sequence[HistoryLine]
    corrections: Sequence[CorrectionDetail]
    """Those that this visitor may decide."""
    others: Sequence[OtherStudy]
    """Of the same patient ID, the newest first."""
    drift_warnings: Sequence[str]
    """A sentence for each sender whose images are unlike known ones."""
    viewer_address: str
    """Of the study in the site's viewer, "" where there is none."""
    at: datetime
    with_heat_maps: bool
    """Whether heat-maps of scored images are offered."""


@dataclass(frozen=True, slots=True)
class DestinationCounts:
    """One destination's reports: refused, pending, and delivered.

    failing: how it fails, None while it works.
    """

    destination: str
    parked: int
    under_way: int
    delivered: int
    failing: FailingDestination | None


def receiver_of(settings: Settings) -> Receiver:
    """Return where a modality reaches the receiver, as far as the settings say."""
    host = "" if settings.scp_host in WILDCARD_HOSTS else settings.scp_host
    return Receiver(settings.ae_title, host, settings.scp_port)


class Pages:
    """Renders the pages. has_login: visitors have logged in here and may log out."""

    def __init__(self, receiver: Receiver, *, has_login: bool = False) -> None:
        self._environment = Environment(
            loader=PackageLoader("screening.worklist"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            percent=wording.percent,
            bar_width=wording.bar_width,
            waiting=wording.waiting,
            moment=wording.moment,
            dicom_date=wording.dicom_date,
            dicom_time=wording.dicom_time,
            sex=wording.sex,
            age=wording.age,
            deciding=called_class,
            called_title=wording.called_title,
            dicom_name=wording.dicom_name,
            rendering_title=wording.rendering_title,
            spaced=wording.spaced,
        )
        self._environment.tests["uid"] = is_uid
        self._environment.globals.update(
            receiver=receiver,
            has_login=has_login,
            version=__version__,
            refresh_s=REFRESH_S,
            unread=UNREAD,
            everything=Selection(),
            image_states=tuple(ImageState),
            most_looked_at=MOST_LOOKED_AT,
            priority_starts=STARTS,
            most_counted=MOST_COUNTED,
            priority_meanings=wording.PRIORITY_MEANINGS,
            report_meanings=wording.REPORT_MEANINGS,
            label_titles=wording.LABEL_TITLES,
        )

    def worklist(self, board: Board, visitor: Visitor) -> str:
        """Return the whole page."""
        return self._render("worklist.html", visitor, board=board)

    def board(self, board: Board) -> str:
        """Return the part of the page that changes."""
        return self._environment.get_template("board.html").render(board=board)

    def selection(self, board: SelectionBoard, visitor: Visitor) -> str:
        """Return the whole page of a selection."""
        return self._render("list.html", visitor, board=board)

    def selected(self, board: SelectionBoard) -> str:
        """Return the part of it that changes."""
        return self._environment.get_template("selected.html").render(board=board)

    def study(self, page: StudyPage, visitor: Visitor) -> str:
        """Return one study's page."""
        numbers: dict[str | None, int] = {}
        for number, instance in enumerate(page.instances, start=1):
            numbers.setdefault(instance.sop_instance_uid, number)
        shown = {one.name: getattr(page, one.name) for one in fields(page)}
        return self._render("study.html", visitor, numbers=numbers, **shown)

    def report(self, study_instance_uid: str, lines: Sequence[ReportLine], visitor: Visitor) -> str:
        """Return a report as text."""
        return self._render("report.html", visitor, study=study_instance_uid, lines=lines)

    def read_studies(self, page: WorklistPage, at: datetime, visitor: Visitor) -> str:
        """Return the list of studies that are read, the newest reading first."""
        return self._render("read_studies.html", visitor, page=page, at=at)

    def model(self, model: Model | None, visitor: Visitor) -> str:
        """Return what a bundle's scores mean; model: None where no bundle was ever active."""
        return self._render("model.html", visitor, model=model, class_figures=CLASS_FIGURES)

    def operations(
        self,
        destinations: Sequence[DestinationCounts],
        failed_reports: int,
        corrections: Sequence[CorrectionDetail],
        visitor: Visitor,
        *,
        drift: Sequence[SenderDrift],
        more_corrections: bool = False,
    ) -> str:
        """Return the operators' page; failed_reports: classifications whose report failed.

        more_corrections: others wait beside those shown.
        """
        return self._render(
            "operations.html",
            visitor,
            destinations=destinations,
            failed_reports=failed_reports,
            corrections=corrections,
            drift=drift,
            more_corrections=more_corrections,
        )

    def login(self, *, form_token: str, problem: str) -> str:
        """Return the login page; problem: why the last attempt failed, else ""."""
        return self._render("login.html", None, form_token=form_token, problem=problem)

    def notice(self, title: str, text: str) -> str:
        """Return a page with one message, such as why the requested one is missing."""
        return self._render("notice.html", None, title=title, text=text)

    def no_picture(self, text: str) -> str:
        """Return a drawing, an SVG document, that says why there is no picture."""
        lines = textwrap.wrap(text, CHARACTERS_OF_A_LINE)[:MOST_LINES]
        return self._environment.get_template("no_picture.svg").render(lines=lines)

    def _render(self, template: str, visitor: Visitor | None, **values: object) -> str:
        return self._environment.get_template(template).render(visitor=visitor, **values)
