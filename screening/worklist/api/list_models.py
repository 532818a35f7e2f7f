"""The worklist as the REST interface describes it, and by what it is selected."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from screening.worklist.api.study_models import StudySummary
from screening.worklist.studies.criteria import (
    LONGEST_SENDER,
    LONGEST_TOKEN,
    ImageState,
    Order,
    Selection,
    Show,
    Sort,
    parse_selection,
)
from screening.worklist.studies.ordering import ReadingPriority
from screening.worklist.studies.position import MOST_ON_A_PAGE, STUDIES_ON_PAGE
from screening.worklist.studies.searches import LONGEST_TEXT

SORTS_OF_PATIENTS = frozenset({Sort.PATIENT, Sort.STUDY, Sort.DATE})
"""An order that tells something of patients."""
_DAY = r"^\d{4}-\d{2}-\d{2}$"
_NO_FILTERS = ("show", "limit", "after", "before")


class WorklistQuery(BaseModel):
    """Which studies, in which order, which page of them."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    limit: Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE, description="Studies on a page.")] = (
        STUDIES_ON_PAGE
    )
    after: Annotated[str, Field(description="next_cursor of the page before this one.")] = ""
    before: Annotated[str, Field(description="previous_cursor of the page after it.")] = ""
    show: Annotated[Show, Field(description="today: an image arrived today.")] = Show.UNREAD
    search: Annotated[
        str, Field(max_length=LONGEST_TOKEN, description="What /searches called a search.")
    ] = ""
    priority: ReadingPriority | None = None
    state: Annotated[
        ImageState | None, Field(description="What at least one image of the study is.")
    ] = None
    sender: Annotated[str, Field(max_length=LONGEST_SENDER, description="A calling AE title.")] = ""
    first_day: Annotated[
        str | None, Field(alias="from", pattern=_DAY, description="First day of arrival.")
    ] = None
    last_day: Annotated[
        str | None, Field(alias="to", pattern=_DAY, description="Last day of arrival.")
    ] = None
    sort: Sort | None = None
    order: Annotated[
        Order | None, Field(description="up: the lowest first. Default: as the page sorts.")
    ] = None

    @property
    def is_reading_order(self) -> bool:
        """Whether this is the list that readers work from: unread studies, the next one first."""
        chosen = self.model_dump(exclude_defaults=True)
        return self.show is Show.UNREAD and set(chosen) <= set(_NO_FILTERS)

    @property
    def tells_of_patients(self) -> bool:
        """Whether what is selected, or its order, depends on patients' attributes."""
        return bool(self.search) or self.sort in SORTS_OF_PATIENTS

    @property
    def selection(self) -> Selection:
        """What it selects. Raises SelectionError."""
        given = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return parse_selection({name: str(value) for name, value in given.items()})


class Worklist(BaseModel):
    """One page of studies."""

    at: datetime
    notice: str
    untrained: Annotated[
        bool, Field(description="The active bundle, or one that scored a study, is untrained.")
    ]
    ledger: Annotated[dict[str, Any], Field(description="How many images are in each state.")]
    drift_warnings: Annotated[
        list[str], Field(description="One for each sender whose images are unlike known ones.")
    ]
    worklist: list[StudySummary]
    total: Annotated[
        int | None, Field(description="Studies on all pages of a selection; else null.")
    ]
    is_cut: Annotated[
        bool, Field(description="More images match than are looked at: narrow the selection.")
    ]
    next_cursor: Annotated[str | None, Field(description="Hand it back as `after`.")]
    previous_cursor: Annotated[str | None, Field(description="Hand it back as `before`.")]


class SearchText(BaseModel):
    """What is searched."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_TEXT,
            repr=False,
            description="The beginning of a name, or a whole patient ID, accession number or "
            "Study Instance UID.",
        ),
    ]


class Search(BaseModel):
    """A search that has begun; it is forgotten with the process that answers."""

    search: Annotated[str, Field(description="Hand it to /worklist as `search`.")]
    worklist: Annotated[str, Field(description="Where the studies are that it finds.")]
