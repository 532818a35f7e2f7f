"""The REST interface as a part of the page's application, with an OpenAPI document of its own."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from starlette.responses import Response

from screening.worklist.api.pictures import pictures_router
from screening.worklist.api.problems import (
    API_PATH,
    MEANINGS,
    Problem,
    ProblemError,
    type_of,
)
from screening.worklist.api.reading import reading_router
from screening.worklist.api.refusals import ProblemDetails, WrongValue, add_refusals, refused_by
from screening.worklist.api.studies import studies_router
from screening.worklist.api.worklist import worklist_router
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.reading import ReaderActions
from screening.worklist.source import Source

VERSION = "1.0"
"""Of the interface: raised in front where a program must change, behind where it may."""
DESCRIPTION = (
    "The worklist of a system that scores chest radiographs, for programs such as a RIS. "
    "Research use only, not diagnostic. Under the same version members may be added to answers; "
    "a program passes over those that it does not know. Times are in UTC. Errors are problem "
    "details (RFC 9457)."
)
ROLES = (
    "A token of `screening tokens create NAME --role ROLE`. A monitor sees results without "
    "patients, a viewer sees patients, a reader also claims and marks read, an operator also ends "
    "others' claims."
)


class ProblemMeaning(BaseModel):
    """What a problem is, and what to do about it."""

    type: str
    title: str
    status: int
    remedy: str


def add_api(
    app: FastAPI, source: Source, pictures: Pictures, reader_actions: ReaderActions
) -> None:
    """Add the interface under its version; its earlier address leads there."""
    app.mount(API_PATH, make_api(source, pictures, reader_actions))

    @app.get("/api/worklist")
    def earlier_address(request: Request) -> Response:
        query = request.url.query
        return RedirectResponse(f"{API_PATH}/worklist{'?' if query else ''}{query}", 308)


def make_api(source: Source, pictures: Pictures, reader_actions: ReaderActions) -> FastAPI:
    """Return the interface; the gate before it says who may ask for what."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_refusals(api)
    for router in (
        worklist_router(source),
        studies_router(source),
        pictures_router(source, pictures),
        reading_router(source, reader_actions),
        _about_router(),
    ):
        api.include_router(router)
    document = openapi_document(api)

    @api.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return document

    return api


def openapi_document(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the interface."""
    document = get_openapi(
        title="Chest radiograph worklist",
        version=VERSION,
        description=DESCRIPTION,
        routes=api.routes,
        servers=[{"url": API_PATH}],
    )
    schemas = document["components"]["schemas"]
    for model in (ProblemDetails, WrongValue):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": ROLES}
    }
    document["security"] = [{"token": []}]
    return document


def _about_router() -> APIRouter:
    router = APIRouter(tags=["about"])

    @router.get(
        "/problems/{name}",
        operation_id="readProblem",
        summary="Say what a problem means.",
        response_model=ProblemMeaning,
        responses=refused_by(Problem.UNKNOWN_PROBLEM),
    )
    def read_problem(name: str) -> Any:
        """Explain a problem; the type of each is such an address."""
        if name not in set(Problem):
            text = "Expected the name of a problem, found another text."
            raise ProblemError(Problem.UNKNOWN_PROBLEM, text)
        problem = Problem(name)
        meaning = MEANINGS[problem]
        return {
            "type": type_of(problem),
            "title": meaning.title,
            "status": meaning.status,
            "remedy": meaning.remedy,
        }

    return router
