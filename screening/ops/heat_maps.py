"""A reader asks for the heat-maps of an image; the classify worker computes them."""

from screening.db.heat_maps import ask, heat_maps_of, scored_result
from screening.db.session import Database
from screening.domain.heat_map import NoHeatMap, no_heat_map_in_words
from screening.domain.lifecycle import BundleRole, HeatMapState, Lane
from screening.errors import DecisionRefusedError


def ask_for_heat_maps(database: Database, sha256: str, by: str) -> None:
    """Have the heat-maps of an image's current result computed, unless they are there.

    sha256: of the image; by: a reader's name, "" where nobody logs in.
    Raises DecisionRefusedError where they cannot be computed, DatabaseUnavailableError.
    """
    with database.write() as session:
        result = scored_result(session, sha256, locked=True)
        if result is None:
            raise DecisionRefusedError(
                "expected an image with scores, found none; heat-maps explain scores"
            )
        row = heat_maps_of(session, result.id)
        if row is not None and row.state == HeatMapState.MADE:
            return
        if result.instance.removing_since is not None:
            raise DecisionRefusedError(no_heat_map_in_words(NoHeatMap.IMAGE_REMOVED))
        if result.bundle is None or result.bundle.role != BundleRole.ACTIVE:
            raise DecisionRefusedError(no_heat_map_in_words(NoHeatMap.OTHER_BUNDLE))
        ask(session, result, lane=Lane.LIVE, by=by or None)
