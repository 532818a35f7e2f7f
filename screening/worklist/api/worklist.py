"""`/worklist` and `/searches`: the studies that a program works from."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from screening.db.bundle_rows import active_bundle
from screening.db.clock import utc_now
from screening.domain.roles import Right
from screening.worklist.access.access import Visitor, visitor_of
from screening.worklist.api.entity_tags import is_known, list_tag
from screening.worklist.api.list_models import Search, SearchText, Worklist, WorklistQuery
from screening.worklist.api.problems import API_PATH, Problem, ProblemError
from screening.worklist.api.refusals import OF_BODIES, refused_by
from screening.worklist.api.study_models import summary_values
from screening.worklist.source import Source, is_untrained
from screening.worklist.studies.ordering import WorklistEntry
from screening.worklist.studies.places import Place
from screening.worklist.wording import RESEARCH_USE

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What If-None-Match names is still right; no body."}
}
PATIENTS_NEEDED = (
    "Expected a selection that depends on no patient attribute, found another. "
    "Leave out search and sort by another column, or use a token of a role that may see patients."
)


def worklist_router(source: Source) -> APIRouter:
    """Return the operations on the list."""
    router = APIRouter(tags=["worklist"])

    @router.get(
        "/worklist",
        operation_id="readWorklist",
        summary="Read a page of the worklist.",
        response_model=Worklist,
        responses={**refused_by(Problem.WRONG_CURSOR, Problem.WRONG_SELECTION), **NOT_MODIFIED},
    )
    def read_worklist(
        request: Request, response: Response, query: Annotated[WorklistQuery, Query()]
    ) -> Any:
        """List unread studies in reading order: overdue ones, then by priority, score, arrival.

        With a filter, a search, `show` or `sort` the answer is a selection: its studies by one
        column, and how many there are. The entity tag changes with every event, and once a minute.
        """
        visitor = visitor_of(request)
        if query.tells_of_patients and not visitor.may(Right.SEE_PATIENTS):
            raise ProblemError(Problem.NOT_ALLOWED, PATIENTS_NEEDED)
        asked = f"{visitor.role}\n{request.url.query}"
        tag = list_tag(source.database, asked, utc_now())
        headers = {"ETag": tag, "Vary": "Authorization, Cookie"}
        if is_known(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        response.headers.update(headers)
        return _read(source, query, visitor)

    @router.post(
        "/searches",
        status_code=201,
        operation_id="beginSearch",
        summary="Begin a search.",
        response_model=Search,
        responses=refused_by(Problem.WRONG_SELECTION, *OF_BODIES),
    )
    def begin_search(search: SearchText) -> Any:
        """Name a search, so that its text, which names people, is in no address and no log."""
        name = source.searches.begin(search.text)
        return {"search": name, "worklist": f"{API_PATH}/worklist?show=all&search={name}"}

    return router


def _read(source: Source, query: WorklistQuery, visitor: Visitor) -> dict[str, Any]:
    now = utc_now()
    place = Place(query.after, query.before)
    total, is_cut = None, False
    entries: Sequence[WorklistEntry]
    if query.is_reading_order:
        page = source.page(place, query.limit)
        entries, cursors = page.entries, (page.next_cursor, page.previous_cursor)
    else:
        found = source.selected(query.selection, place, now, query.limit)
        entries, cursors = found.entries, (found.next_cursor, found.previous_cursor)
        total, is_cut = found.total, found.is_cut
    patients = visitor.may(Right.SEE_PATIENTS)
    return {
        "at": now,
        "notice": RESEARCH_USE,
        "untrained": is_untrained(active_bundle(source.database), entries),
        "ledger": source.ledger().as_dict(),
        "drift_warnings": source.warnings(entry.calling_ae_title for entry in entries),
        "worklist": [summary_values(entry, now, patients=patients) for entry in entries],
        "total": total,
        "is_cut": is_cut,
        "next_cursor": cursors[0],
        "previous_cursor": cursors[1],
    }
