"""Who may ask for what: every route of the application is tried."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import select
from starlette.routing import Mount

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery
from tests.rows.stored import add_bundle, add_instance, add_report, add_score
from tests.sites.web_app import Client, form_token, password_client

MakeClient = Callable[..., Client]
ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://elsewhere.example.org"},
    {"Origin": "null"},
)


@pytest.fixture
def make_client(migrated_database: Database, tmp_path: Path) -> MakeClient:
    """Return a maker of clients of a page that asks for passwords; a report is parked."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        sent = add_score(
            session, add_instance(session, "1.2.3"), bundle, priority="STAT", covid19=0.9
        )
        add_report(session, sent, pacs="parked")
        add_score(
            session,
            add_instance(session, "1.2.4"),
            bundle,
            priority="LOW",
            covid19=0.1,
            report_state="failed",
        )
    return password_client(migrated_database, tmp_path)


def delivery_state(database: Database) -> str:
    """Return the state of the only delivery."""
    with database.read() as session:
        return session.scalars(select(Delivery.state)).one()


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, its parameters filled in."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "_app", None) or app.app
    yield from _routes(app.routes)


def _routes(found: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(found):
        if isinstance(route.original_route, Mount):
            yield from _routes(route.original_route.routes or [], route.original_route.path)
        elif isinstance(route.original_route, APIRoute):
            for method in route.methods or ():
                yield method, prefix + str(route.path).replace("{study_instance_uid}", "1.2.3")


def test_every_route_that_is_not_public_refuses_the_unknown(make_client: MakeClient) -> None:
    """A route that somebody adds is closed until the gate's table opens it."""
    client = make_client()
    tried = {(m, p) for m, p in routes(client.app) if p not in {"/healthz", "/login"}}
    assert {("GET", "/"), ("GET", "/metrics"), ("POST", "/logout")} <= tried
    assert ("PUT", "/api/v1/studies/1.2.3/claim") in tried
    for method, path in tried:
        assert client.ask(method, path).status_code in {303, 401}, path
    assert client.get("/nothing/here").status_code == 303


def test_every_route_that_changes_something_wants_its_own_forms_token(
    make_client: MakeClient,
) -> None:
    """Without a token, or with another visitor's, nothing is done."""
    client, other = make_client(), make_client()
    client.log_in("otto")
    other.log_in("otto")
    foreign = form_token(other.get("/").text)
    tried = [one for one in routes(client.app) if one[0] not in {"GET", "HEAD"}]
    assert len(tried) >= 4
    assert ("PUT", "/api/v1/studies/1.2.3/claim") in tried
    for method, path in tried:
        fields = {"destination": "pacs", "name": "otto", "password": "x"}
        assert client.ask(method, path, data=fields).status_code == 403, path
        answer = client.ask(
            method,
            path,
            data={**fields, "form_token": foreign},
            headers={"X-Form-Token": foreign},
        )
        assert answer.status_code == 403, path
    assert client.get("/operations").status_code == 200


@pytest.mark.parametrize("headers", ELSEWHERE, ids=[str(one) for one in ELSEWHERE])
def test_a_form_from_another_site_is_refused_whatever_it_holds(
    make_client: MakeClient, migrated_database: Database, headers: dict[str, str]
) -> None:
    """Even with the right token: the browser says where it comes from."""
    client = make_client()
    client.log_in("otto")
    token = form_token(client.get("/operations").text)
    answer = client.post(
        "/operations/release",
        data={"form_token": token, "destination": "pacs"},
        headers=headers,
    )
    assert answer.status_code == 403
    assert delivery_state(migrated_database) == "parked"


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1"}]
)
def test_an_operator_sends_parked_reports_again(
    make_client: MakeClient, migrated_database: Database, headers: dict[str, str]
) -> None:
    """With the form of the operators' page, as a browser or a program sends it."""
    client = make_client()
    client.log_in("otto")
    token = form_token(client.get("/operations").text)
    answer = client.post(
        "/operations/release", data={"form_token": token, "destination": "pacs"}, headers=headers
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/operations")
    assert delivery_state(migrated_database) == "pending"


def test_an_operator_has_failed_reports_made_again(
    make_client: MakeClient, migrated_database: Database
) -> None:
    """The page says how many there are."""
    client = make_client()
    client.log_in("otto")
    assert "1 results have no report" in client.get("/operations").text
    client.send_form("/operations", "/operations/remake")
    assert "0 results have no report" in client.get("/operations").text
    with migrated_database.read() as session:
        assert set(session.scalars(select(Classification.report_state))) == {"made", "due"}


def test_a_destination_that_is_none_is_refused(make_client: MakeClient) -> None:
    """And not repeated."""
    client = make_client()
    client.log_in("otto")
    answer = client.send_form("/operations", "/operations/release", destination="<b>other")
    assert (answer.status_code, "other" in answer.text) == (400, False)


def test_a_reader_changes_nothing(make_client: MakeClient, migrated_database: Database) -> None:
    """Neither page nor form of the operators, with whatever token a reader has."""
    client = make_client()
    client.log_in("rita")
    page = client.get("/").text
    assert "/operations" not in page
    assert client.get("/operations").status_code == 403
    answer = client.post(
        "/operations/release", data={"form_token": form_token(page), "destination": "pacs"}
    )
    assert answer.status_code == 403
    assert delivery_state(migrated_database) == "parked"


def test_a_form_that_is_too_large_is_not_read(make_client: MakeClient) -> None:
    """Nobody fills the memory, logged in or not."""
    for name in (None, "otto"):
        client = make_client()
        if name:
            client.log_in(name)
        answer = client.post("/login", data={"password": "x" * 10_000})
        assert answer.status_code == 413
    assert client.post("/login", content=b"\xff=\xff").status_code == 400
