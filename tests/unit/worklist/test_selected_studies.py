"""Searching and selecting on the page: no address names anybody, and bad ones are told so."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from screening.db.session import Database
from screening.settings import Settings
from screening.worklist.studies import searches
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.sites.web_app import Client, form_token, make_app, password_client

STUDY = re.compile(r'data-study="([^"]+)"')
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def client(migrated_database: Database, tmp_path: Path) -> Client:
    """Return a browser on a list of two studies."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        for number, name in enumerate((f"Smith^{SCRIPT}", "Jones^Ann")):
            instance = add_instance(session, f"1.2.{number}", patient_name=name)
            add_score(session, instance, bundle, priority="STAT", covid19=0.9 - number / 10)
    return Client(make_app(migrated_database, Settings(data_dir=tmp_path)))


def search(client: Client, text: str, page: str = "/") -> str:
    """Search as a reader does on a page; return the address that they come to."""
    html = client.get(page).text
    kept = re.search(r'name="selection" value="([^"]*)"', html)
    assert kept is not None
    fields = {"form_token": form_token(html), "text": text}
    fields["selection"] = kept[1].replace("&amp;", "&")
    answer = client.post("/search", data=fields)
    assert answer.status_code == 303
    return answer.headers["location"]


def test_a_search_leads_to_an_address_that_names_nobody(client: Client) -> None:
    """What was searched is in the page's field alone; the order and filters of before are kept."""
    address = search(client, "smith", "/list?priority=STAT&sort=patient")
    assert "smith" not in address.lower()
    assert "priority=STAT" in address
    page = client.get(address).text
    assert STUDY.findall(page) == ["1.2.0"]
    assert 'value="smith"' in page
    assert "1 of 1 study" in page
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page)
    assert not [one for one in addresses if "smith" in one.lower()]
    assert STUDY.findall(client.get(address.replace("/list?", "/list/board?")).text) == ["1.2.0"]
    cleared = search(client, "  ", address)
    assert "search=" not in cleared
    assert len(STUDY.findall(client.get(cleared).text)) == 2


def test_text_of_others_is_shown_as_text(client: Client) -> None:
    """Names, and what is searched, run nowhere."""
    assert SCRIPT not in client.get("/list").text
    page = client.get(search(client, SCRIPT)).text
    assert SCRIPT not in page
    assert "No study is like that" in page


def test_a_search_ends_with_the_process_or_after_many_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address then says that it has ended; a text that is too long is refused."""
    first = search(client, "smith")
    monkeypatch.setattr(searches, "MOST_SEARCHES", 2)
    for _ in range(2):
        search(client, "jones")
    answer = client.get(first)
    assert answer.status_code == 400
    assert "search again" in answer.text
    html = client.get("/").text
    fields = {"form_token": form_token(html), "text": "x" * 65, "selection": ""}
    assert client.post("/search", data=fields).status_code == 400


@pytest.mark.parametrize(
    "parameters",
    [
        "show=tomorrow",
        "priority=URGENT",
        "state=lost",
        "sort=nothing",
        "order=sideways",
        "from=01.03.2026",
        "to=2026-02-30",
        "from=2026-03-02&to=2026-03-01",
        "sender=" + "X" * 17,
        "search=unknown",
        "search=" + "x" * 65,
        "after=1.2.99",
        "after=SMITH",
        "before=%00",
        "after=1.2.0&before=1.2.1",
    ],
)
def test_addresses_that_select_nothing_known_say_so(client: Client, parameters: str) -> None:
    """A page for people and JSON for programs, both 400, and neither repeats what was given."""
    for path in ("/list", "/list/board"):
        answer = client.get(f"{path}?{parameters}")
        assert answer.status_code == 400
        assert "xpected" in answer.text
        assert "SMITH" not in answer.text


def test_columns_lead_to_each_order_and_back(client: Client) -> None:
    """From the reading order to the unread studies in that order; again: the other way round."""
    column = re.search(r'href="(/list\?[^"]*sort=covid19[^"]*)"', client.get("/").text)
    assert column is not None
    down = client.get(column[1].replace("&amp;", "&"))
    assert STUDY.findall(down.text) == ["1.2.0", "1.2.1"]
    assert 'aria-sort="descending"' in down.text
    again = re.search(r'href="(/list\?[^"]*sort=covid19[^"]*)"', down.text)
    assert again is not None
    up = client.get(again[1].replace("&amp;", "&"))
    assert STUDY.findall(up.text) == ["1.2.1", "1.2.0"]


def test_a_list_that_has_not_changed_is_not_sent_again(client: Client) -> None:
    """As the reading order is."""
    first = client.get("/list/board?sort=patient")
    tag = first.headers["ETag"]
    known = client.get("/list/board?sort=patient", headers={"If-None-Match": tag})
    assert known.status_code == 304


def test_readers_search_and_nobody_else(migrated_database: Database, tmp_path: Path) -> None:
    """A search changes nothing, so it is no operator's; its form needs the visitor's token."""
    browser: Callable[..., Client] = password_client(migrated_database, tmp_path)
    stranger = browser()
    assert stranger.post("/search", data={"text": "smith"}).status_code == 303
    assert stranger.get("/list").headers["location"] == "/login"
    reader = browser()
    reader.log_in("rita")
    assert urlsplit(search(reader, "smith")).path == "/list"
    assert reader.post("/search", data={"text": "smith"}).status_code == 403
