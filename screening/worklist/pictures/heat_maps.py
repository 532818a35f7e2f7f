"""The heat-maps of an image for the page: what is there, and a request for them.

They are computed by the classify worker; here they are read and asked for.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from screening.db.heat_maps import heat_maps_of, scored_result
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.heat_map import ABOUT, HeatMap, no_heat_map_in_words
from screening.domain.lifecycle import HeatMapState
from screening.domain.scores import CLASS_OF_MEMBER_CLASS, CLASS_TITLES, percent
from screening.errors import DecisionRefusedError
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import read_form
from screening.worklist.pictures.routes import DIGEST, PICTURES_PATH, UNKNOWN

NOT_ASKED = "none"
"""The state of heat-maps that nobody has asked for; the others are of `HeatMapState`."""
REFUSED = "refused"
AskForHeatMaps = Callable[[str, str], object]
"""Takes the image's digest and the reader's name, "" where nobody logs in."""


def add_heat_maps(app: FastAPI, database: Database, ask: AskForHeatMaps) -> None:
    """Add `/pictures/DIGEST/heat-maps`: GET says what there is, POST asks for them.

    ask: has them computed. Raises DecisionRefusedError where they cannot be.
    """
    path = f"{PICTURES_PATH}/{{sha256}}/heat-maps"

    @app.get(path)
    def heat_maps(sha256: str) -> JSONResponse:
        if not DIGEST.fullmatch(sha256):
            return JSONResponse({"state": REFUSED, "text": UNKNOWN}, 404)
        with database.read() as session:
            result = scored_result(session, sha256)
            if result is None:
                return JSONResponse({"state": REFUSED, "text": "This image has no scores."}, 404)
            return JSONResponse(_shown(session, result))

    @app.post(path)
    async def ask_for(request: Request, sha256: str) -> JSONResponse:
        visitor = visitor_of(request)
        await read_form(request, visitor.form_token)
        try:
            await run_in_threadpool(ask, sha256, visitor.name)
        except DecisionRefusedError as error:
            return JSONResponse({"state": REFUSED, "text": _sentence(str(error))}, 409)
        return JSONResponse({"state": HeatMapState.DUE, "text": ""}, 202)


def _shown(session: Session, result: Classification) -> dict[str, Any]:
    """Return state and words of a result's heat-maps, and the maps where they are there."""
    row, bundle = heat_maps_of(session, result.id), result.bundle
    maps = [HeatMap.from_dict(one) for one in (row.maps if row else None) or []]
    scores = result.member_scores or {}
    return {
        "state": row.state if row else NOT_ASKED,
        "text": _sentence(no_heat_map_in_words(row.reason)) if row and row.reason else "",
        "about": ABOUT,
        "bundle": f"{bundle.name} {bundle.version}" if bundle else "",
        "untrained": bundle is not None and not bundle.trained,
        "maps": [_map(one, scores.get(one.member, {}).get("raw", {})) for one in maps],
    }


def _map(found: HeatMap, raw: dict[str, float]) -> dict[str, Any]:
    score = raw.get(found.klass)
    return {
        **found.as_dict(),
        "title": _title(found.klass),
        "score": score,
        "scored": "" if score is None else percent(score),
        "is_empty": found.is_empty,
    }


def _title(klass: str) -> str:
    """Return a member's class in words; those of several of ours as they are named."""
    own = CLASS_OF_MEMBER_CLASS.get(klass)
    if own is not None and own.value == klass:
        return CLASS_TITLES[own]
    return klass.replace("_", " ").capitalize()


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
