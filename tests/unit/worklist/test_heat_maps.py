"""Heat-maps on the page: asked for, told of, and refused in words."""

from pathlib import Path

import pytest
from sqlalchemy import select

from screening.classify.heat_map_queue import claim_heat_maps, record_heat_maps
from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.domain.backoff import Backoff
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.settings import Settings
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.sites.web_app import Client, form_token, make_app, password_client

SHA256 = "5a" * 32
ADDRESS = f"/pictures/{SHA256}/heat-maps"
MEMBERS = {
    "net": {
        "raw": {"covid19": 0.912, "viral_pneumonia": 0.088},
        "calibrated": {"covid19": 0.9, "pneumonia": 0.1, "normal": 0.0},
    }
}
MAPS = [
    HeatMap("net", klass, 1, 2, b"\x00\xff", (0.1, 0.2, 0.9, 0.8), (1, 2))
    for klass in ("covid19", "viral_pneumonia")
]
AT_ONCE = Backoff(first_s=0, longest_s=0)


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """Return a database with one image that an untrained bundle has scored."""
    with migrated_database.write() as session:
        image = add_instance(session, "1.2.3", sha256=SHA256)
        bundle = add_bundle(session, trained=False)
        add_score(session, image, bundle, priority="STAT", covid19=0.9, member_scores=MEMBERS)
    return migrated_database


def work(database: Database, found: list[HeatMap] | NoHeatMap) -> None:
    """Do what the classify worker does."""
    held = claim_heat_maps(database, bundle_id=1, worker="w", lease_s=60)
    assert held is not None
    record_heat_maps(database, held, found, AT_ONCE)


def asked(client: Client) -> int:
    """Ask as the page's script does; return the status."""
    page = client.get("/studies/1.2.3").text
    token = page.split('data-form-token="')[1].split('"', maxsplit=1)[0]
    return client.post(ADDRESS, data={"form_token": token}).status_code


def test_maps_are_asked_for_and_shown(database: Database) -> None:
    """Also where nobody logs in: each with its class in words, its score, and what it is not."""
    client = Client(make_app(database, Settings()))
    assert f'data-heat-maps="{ADDRESS}"' in client.get("/studies/1.2.3").text
    assert client.get(ADDRESS).json()["state"] == "none"
    assert asked(client) == 202
    assert client.get(ADDRESS).json()["state"] == "due"
    work(database, MAPS)
    found = client.get(ADDRESS).json()
    assert (found["state"], found["untrained"], found["bundle"]) == ("made", True, "first 1")
    assert "no finding and no outline of disease" in found["about"]
    titles = [(one["title"], one["scored"], one["box"]) for one in found["maps"]]
    assert titles == [
        ("COVID-19", "91.2 %", [0.1, 0.2, 0.9, 0.8]),
        ("Viral pneumonia", "8.8 %", [0.1, 0.2, 0.9, 0.8]),
    ]


def test_what_fails_says_why(database: Database) -> None:
    """In a sentence; a bundle that is not active any more is refused at once."""
    client = Client(make_app(database, Settings()))
    assert asked(client) == 202
    work(database, NoHeatMap.NO_FEATURE_MAP)
    found = client.get(ADDRESS).json()
    assert found["state"] == "failed"
    assert found["text"] == "A network of this bundle has no feature map to take it from."
    with database.write() as session:
        session.scalars(select(Bundle)).one().role = "retired"
    assert asked(client) == 409


@pytest.mark.parametrize(
    ("path", "status"),
    [("/pictures/x/heat-maps", 404), (f"/pictures/{'0' * 64}/heat-maps", 404)],
)
def test_an_unknown_image_has_none(database: Database, path: str, status: int) -> None:
    """Whatever the address is."""
    client = Client(make_app(database, Settings()))
    answer = client.get(path)
    assert (answer.status_code, answer.json()["state"]) == (status, "refused")


def test_they_are_for_readers_with_a_form_of_theirs(database: Database, tmp_path: Path) -> None:
    """Nobody else asks for a computation, and no other site in a reader's name."""
    clients = password_client(database, tmp_path)
    stranger, reader = clients(), clients()
    assert stranger.get(ADDRESS).status_code == 401
    assert stranger.post(ADDRESS).status_code == 401
    assert form_token(reader.get("/login").text)
    reader.log_in("rita")
    assert reader.post(ADDRESS, data={"form_token": "x"}).status_code == 403
    assert asked(reader) == 202


def test_a_site_may_do_without(database: Database) -> None:
    """Switched off, the page offers none."""
    page = Client(make_app(database, Settings(heat_maps="off"))).get("/studies/1.2.3").text
    assert "heat-maps" not in page
