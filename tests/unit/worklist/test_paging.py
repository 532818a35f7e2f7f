"""The list in pages: every study is reachable, by links alone, while the list moves."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from screening.db.session import Database
from screening.settings import Settings
from screening.worklist.api.list_models import WorklistQuery
from screening.worklist.studies.counts import count_by_priority
from screening.worklist.studies.ordering import MOST_ON_A_PAGE, ReadingPriority
from screening.worklist.studies.position import STUDIES_ON_PAGE
from tests.rows.stored import add_bundle, add_classification, add_instance, add_score
from tests.sites.web_app import Client, make_app

Get = Callable[..., httpx.Response]
PROBLEM_MEMBERS = ("type", "title", "status", "detail", "remedy")
STUDY = re.compile(r'data-study="([^"]+)"')


@pytest.fixture
def get(migrated_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Get:
    """Return a function that asks the application, with three studies on a page."""
    monkeypatch.setattr("screening.worklist.web.STUDIES_ON_PAGE", 3)
    monkeypatch.setattr("screening.worklist.recent_boards.RECENT_S", -1.0)
    return Client(make_app(migrated_database, Settings(data_dir=tmp_path))).get


def fill(database: Database, **studies: tuple[str, float]) -> None:
    """Add one study for each name, of a priority and a COVID-19 probability."""
    with database.write() as session:
        bundle = add_bundle(session)
        for number, (priority, covid19) in enumerate(studies.values(), start=1):
            instance = add_instance(session, f"1.2.{number}")
            add_score(session, instance, bundle, priority=priority, covid19=covid19)


def seven(database: Database) -> None:
    """Add seven studies; in reading order they are 1.2.1 to 1.2.7."""
    scores = {f"s{n}": ("STAT", 0.99 - n / 100) for n in range(5)}
    fill(database, **scores, high=("HIGH", 0.4), low=("LOW", 0.01))


def link(page: str, relation: str) -> str | None:
    """Return the address that a page links as next or previous."""
    found = re.search(rf'href="([^"]*)" rel="{relation}"', page)
    return found[1] if found else None


def shown(page: str) -> list[str]:
    """Return the studies on a page, without their common root."""
    return [uid.removeprefix("1.2.") for uid in STUDY.findall(page)]


def test_links_lead_to_every_study_and_back(get: Get, migrated_database: Database) -> None:
    """Next until there is none, then previous until there is none; no script is needed."""
    seven(migrated_database)
    forward, address = [], "/"
    while address:
        page = get(address).text
        forward.append(shown(page))
        address, last = link(page, "next") or "", address
    assert forward == [["1", "2", "3"], ["4", "5", "6"], ["7"]]
    backward, address = [], last
    while address:
        page = get(address).text
        backward.append(shown(page))
        address = link(page, "prev") or ""
    assert backward == [["7"], ["4", "5", "6"], ["1", "2", "3"]]
    assert "7 of" not in page
    assert "3 of 7 studies on this page" in page


def test_a_short_list_has_no_pages(get: Get, migrated_database: Database) -> None:
    """What fits on one page has no links to others."""
    fill(migrated_database, only=("STAT", 0.9))
    assert 'aria-label="Pages of the list"' not in get("/").text


def test_a_page_keeps_its_place_while_studies_arrive(get: Get, migrated_database: Database) -> None:
    """The second page shows the same studies although one came to stand before them."""
    seven(migrated_database)
    second = link(get("/").text, "next") or ""
    with migrated_database.write() as session:
        add_classification(session, add_instance(session, "1.2.99"))
    board = second.replace("/?", "/board?")
    assert shown(get(second).text) == shown(get(board).text) == ["4", "5", "6"]


def test_each_priority_is_counted_and_linked(get: Get, migrated_database: Database) -> None:
    """The link shows from its first study on, whatever stands before it."""
    seven(migrated_database)
    counts = count_by_priority(migrated_database)
    assert list(counts) == list(ReadingPriority)
    assert [counts[ReadingPriority(name)] for name in ("STAT", "HIGH", "LOW")] == [5, 1, 1]
    page = get("/").text
    navigation = page.split('<nav class="priorities"')[1].split("</nav>")[0]
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", navigation))
    assert "STAT 5 HIGH 1 MEDIUM 0 UNSCORED 0 LOW 1 NOT SCREENED 0" in words
    links = dict(re.findall(r'href="([^"]*)" title="(\w+):', navigation))
    starts = {title: shown(get(address).text)[0] for address, title in links.items()}
    assert starts == {"Stat": "1", "High": "6", "Low": "7"}


def test_counting_stops_where_it_would_cost(
    migrated_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit the page says that there are more."""
    for module in ("studies.counts", "pages"):
        monkeypatch.setattr(f"screening.worklist.{module}.MOST_COUNTED", 4)
    seven(migrated_database)
    assert count_by_priority(migrated_database)[ReadingPriority.STAT] == 4
    page = Client(make_app(migrated_database, Settings(data_dir=tmp_path))).get("/").text
    assert '<span class="count">4+</span>' in page
    assert '<span class="count">1</span>' in page


@pytest.mark.parametrize(
    "query",
    ["after=x", "before=%00", "after=" + "A" * 5000, "after=eyJhIjoxfQ", "after=a&before=b"],
)
def test_a_wrong_place_is_told_with_what_to_do(
    get: Get, migrated_database: Database, query: str
) -> None:
    """400 for people with a way back to the list, and for programs in JSON; nothing is repeated."""
    seven(migrated_database)
    page = get(f"/?{query}")
    assert page.status_code == 400
    assert "No such place in the list" in page.text
    assert 'href="/"' in page.text
    assert "AAAA" not in page.text
    told = {"/board": {"status", "advice"}, "/api/v1/worklist": set(PROBLEM_MEMBERS)}
    for path, members in told.items():
        answer = get(f"{path}?{query}")
        assert (answer.status_code, set(answer.json())) == (400, members)


def test_a_place_behind_the_last_study_leads_back(get: Get, migrated_database: Database) -> None:
    """A list that has become shorter is no error."""
    seven(migrated_database)
    cursor = get("/api/v1/worklist?limit=7").json()
    assert cursor["next_cursor"] is None
    end = get("/api/v1/worklist?limit=6").json()["next_cursor"]
    assert shown(get(f"/?after={end}").text) == ["7"]
    with migrated_database.write() as session:
        low = add_bundle(session, name="other", role="retired")
        add_score(session, add_instance(session, "1.2.7"), low, priority="STAT", covid19=0.999)
    page = get(f"/?after={end}").text
    assert "No studies on this page" in page
    assert 'href="/"' in page


def test_json_is_read_in_pages(get: Get, migrated_database: Database) -> None:
    """A limit of its own, and cursors both ways, until there are no more."""
    seven(migrated_database)
    found, cursor = [], ""
    while cursor is not None:
        page = get(f"/api/v1/worklist?limit=2&after={cursor}").json()
        found.append([entry["study_instance_uid"] for entry in page["worklist"]])
        cursor = page["next_cursor"]
    assert found == [["1.2.1", "1.2.2"], ["1.2.3", "1.2.4"], ["1.2.5", "1.2.6"], ["1.2.7"]]
    back = get(f"/api/v1/worklist?limit=2&before={page['previous_cursor']}").json()
    assert [entry["study_instance_uid"] for entry in back["worklist"]] == found[-2]
    assert len(get("/api/v1/worklist").json()["worklist"]) == 7
    assert WorklistQuery().limit == STUDIES_ON_PAGE


@pytest.mark.parametrize("limit", ["0", "-1", str(MOST_ON_A_PAGE + 1), "many"])
def test_a_limit_has_limits(get: Get, limit: str) -> None:
    """Nobody reads a million studies at once."""
    assert get(f"/api/v1/worklist?limit={limit}").status_code == 422


def test_a_browser_that_has_the_board_is_told_so(get: Get, migrated_database: Database) -> None:
    """304 without a body until something changes; waiting alone is no change."""
    seven(migrated_database)
    first = get("/board")
    tag = first.headers["ETag"]
    again = get("/board", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Cache-Control"] == "no-store"
    with migrated_database.write() as session:
        add_classification(session, add_instance(session, "1.2.99"))
    changed = get("/board", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
