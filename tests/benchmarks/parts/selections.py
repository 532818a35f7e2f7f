"""What readers and programs select by: every tab, filter and column of the list, and searches."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from screening.db.clock import utc_now
from screening.worklist.studies.criteria import ImageState, Order, Show, Sort
from screening.worklist.studies.ordering import ReadingPriority
from tests.sites.web_app import Client, form_token

API = "/api/v1/worklist"
SEARCHES = {
    "nothing": "Nobody",
    "one name": "Doe, Jane 77",
    "a patient ID": "P77",
    "an accession number": "A77",
    "a study": "1.2.826.0.1.3680043.10.77",
    "every image": "Doe",
}
DAYS_AGO = 3
PAGES_DOWN = 5
STUDIES_A_PAGE = 1000


def selections(client: Client) -> Mapping[str, Callable[[], object]]:
    """Return what is asked of a database that `fill` has filled, by name."""

    def answers(address: str) -> None:
        assert client.get(address).status_code == 200

    def search(text: str) -> str:
        answer = client.post("/api/v1/searches", json={"text": text}, headers=of_our_forms)
        assert answer.status_code == 201
        return f"search={answer.json()['search']}"

    of_our_forms = {"X-Form-Token": form_token(client.get("/").text)}
    day = (utc_now() - timedelta(days=DAYS_AGO)).date()
    everything = search(SEARCHES["every image"])
    queries = {
        **{f"show {show}": f"show={show}" for show in Show},
        **{f"{sort}, {order}": f"sort={sort}&order={order}" for sort in Sort for order in Order},
        **{f"priority {one}": f"priority={one}" for one in ReadingPriority},
        **{f"state {state}": f"state={state}" for state in ImageState},
        "sender": "sender=CR_ROOM_3",
        "sender of nothing": "sender=NOBODY",
        "one day": f"from={day}&to={day}",
        "all days before": f"to={day}",
        "filters together": f"show=unread&priority=STAT&sender=CR_ROOM_3&from={day}",
        **{f"search of {what}": search(text) for what, text in SEARCHES.items()},
        "search of every image, one day": f"{everything}&from={day}&to={day}",
        "search of every image, filtered": f"{everything}&priority=STAT&sort=patient&order=down",
    }
    through_api = ("show all", "patient, down", "priority STAT", "search of every image")
    addresses = {f"GET /list, {name}": f"/list?{query}" for name, query in queries.items()}
    for name in through_api:
        query = queries[name] if "show=" in queries[name] else f"show=all&{queries[name]}"
        addresses[f"GET {API}, {name}"] = f"{API}?{query}"
    addresses["GET /list, far down"] = f"/list?after={_far_down(client)}"
    return {name: partial(answers, address) for name, address in addresses.items()}


def _far_down(client: Client) -> str:
    """Return the cursor of a page far behind the first, or of the last that there is."""
    cursor = ""
    for _ in range(PAGES_DOWN):
        page = client.get(f"{API}?show=all&limit={STUDIES_A_PAGE}&after={cursor}").json()
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    return cursor
