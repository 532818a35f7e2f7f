"""The page, its JSON and its figures, asked in process."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from screening.db.session import Database
from screening.db.tables.breakers import Breaker
from screening.settings import Settings
from tests.rows.stored import (
    NOON,
    add_bundle,
    add_classification,
    add_event,
    add_instance,
    add_report,
    add_score,
)
from tests.sites.web_app import Client, make_app, password_client

Get = Callable[[str], httpx.Response]


def _getter(database: Database, settings: Settings) -> Get:
    return Client(make_app(database, settings)).get


@pytest.fixture
def get(migrated_database: Database, tmp_path: Path) -> Get:
    """Return a function that asks the application."""
    settings = Settings(data_dir=tmp_path, ae_title="TRIAGE", scp_host="10.1.2.3", scp_port=10400)
    return _getter(migrated_database, settings)


def _fill(database: Database, *, trained: bool = True) -> None:
    with database.write() as session:
        bundle = add_bundle(session, trained=trained)
        patient = {
            "patient_name": "O'Brien^<b>Seán",
            "patient_id": "P-77",
            "accession_number": "A-5",
        }
        instance = add_instance(session, "1.2.3", **patient)
        result = add_score(session, instance, bundle, priority="STAT", covid19=0.912)
        add_report(session, result, pacs="parked")
        add_event(session, instance, "instance_received", at=NOON, calling_ae_title="CR_ROOM_1")
        lateral = add_instance(session, "1.2.3", **patient)
        add_classification(
            session, lateral, state="not_applicable", reason="not_frontal", detail="view LL"
        )


def test_an_empty_list_says_how_to_send_the_first_image(get: Get) -> None:
    """AE title, host and port are those of the settings."""
    page = get("/").text
    assert "No images yet" in page
    assert "storescu -aec TRIAGE 10.1.2.3 10400 FILE" in page


def test_a_receiver_on_every_address_is_not_given_a_false_one(
    migrated_database: Database, tmp_path: Path
) -> None:
    """0.0.0.0 is nowhere to send to."""
    page = _getter(migrated_database, Settings(data_dir=tmp_path, scp_host="0.0.0.0"))("/").text  # noqa: S104
    assert "0.0.0.0" not in page  # noqa: S104
    assert "this machine&#39;s address" in page


def test_the_list_shows_priority_scores_and_totals(get: Get, migrated_database: Database) -> None:
    """Everything a reader chooses by is in the page itself, without scripts."""
    _fill(migrated_database)
    page = get("/").text
    for words in (">STAT<", "91.2 %", "P-77", "1 not applicable", "report refused", "CR"):
        assert words in page
    assert "A low probability does not exclude disease" in page
    assert "O&#39;Brien, &lt;b&gt;Seán" in page
    assert "<b>" not in page
    assert "UNTRAINED" not in page


def test_the_list_tells_studies_apart(get: Get, migrated_database: Database) -> None:
    """Sex, age, study, when and by whom it was sent: what a reader knows a study by."""
    with migrated_database.write() as session:
        values = {"patient_sex": "M", "patient_age": "009M", "study_description": "Thorax <AP>"}
        sent = {"calling_ae_title": "DX_ER", "accession_number": "ACC-9", "study_time": "0807"}
        add_instance(session, "1.2.3", **sent, **values)
    for path in ("/", "/studies/1.2.3"):
        page = get(path).text
        for words in ("male", "9 mo", "Thorax &lt;AP&gt;", "2026-03-01 08:07", "DX_ER", "ACC-9"):
            assert words in page
        assert "patient data differ" not in page.lower()


def test_a_study_whose_images_differ_says_so(get: Get, migrated_database: Database) -> None:
    """In list, study and JSON; what is shown is of one image, and never mixed."""
    with migrated_database.write() as session:
        add_instance(session, "1.2.3", patient_name="Old^Name", patient_id="P-OLD")
        add_instance(session, "1.2.3", patient_name="New^Name", patient_id="P-NEW")
    for path in ("/", "/studies/1.2.3"):
        page = get(path).text
        assert "patient data differ" in page.lower()
        assert "New, Name" in page
        assert "P-NEW" in page
        assert "P-OLD" not in page
        assert "Old, Name" not in page
    (entry,) = get("/api/v1/worklist").json()["worklist"]
    assert entry["demographics_differ"] is True


def test_the_score_that_decides_is_marked(get: Get, migrated_database: Database) -> None:
    """The rule that fired orders its priority, whatever the other scores are."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        by_pneumonia = {
            "priority_rule": "Pneumonia probability at least 62.6 %",
            "priority_score": 0.999,
            "covid19": 0.0,
            "pneumonia": 0.999,
        }
        by_covid19 = {"priority_score": 0.58, "covid19": 0.58}
        for study, values in (("1.2.1", by_covid19), ("1.2.2", by_pneumonia)):
            add_score(session, add_instance(session, study), bundle, priority="HIGH", **values)
    page = get("/").text
    first, second = page.split("<tr data-study=")[1:]
    assert first.startswith('"1.2.2"')
    assert 'class="score score-pneumonia decides"' in first
    assert 'class="score score-covid19 decides"' in second
    assert first.count("decides") == second.count("decides") == 1
    assert "&gt; 99 %" in first
    assert "&lt; 1 %" in first


def test_untrained_scores_are_marked(get: Get, migrated_database: Database) -> None:
    """A banner, and a badge on the row, in the page and on the study's page."""
    _fill(migrated_database, trained=False)
    for path in ("/", "/board", "/studies/1.2.3"):
        page = get(path).text
        assert "untrained-banner" in page
        assert ">UNTRAINED<" in page
    assert get("/api/v1/worklist").json()["untrained"] is True


def test_an_untrained_active_bundle_is_announced_before_the_first_image(
    get: Get, migrated_database: Database
) -> None:
    """The warning does not wait for a score."""
    with migrated_database.write() as session:
        add_bundle(session, trained=False)
    assert "untrained-banner" in get("/").text


def test_a_study_shows_every_image_its_scores_reasons_and_reports(
    get: Get, migrated_database: Database
) -> None:
    """The detail holds what a question about one result needs."""
    _fill(migrated_database)
    page = get("/studies/1.2.3").text
    for words in (
        "it is a lateral or oblique view (view LL)",
        "coronet",
        "viral pneumonia",
        "COVID-19 probability at least 50 %",
        "first 1",
        "comprehensive SR",
        "parked",
        "0xA900",
        "received from CR_ROOM_1",
        "tolerated: high_bit, lut_count",
    ):
        assert words in page


def test_an_unknown_study_is_not_found(get: Get) -> None:
    """The answer says so and leads back."""
    answer = get("/studies/1.2.999")
    assert answer.status_code == 404
    assert "Study not found" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/studies/9", "/api/v1/worklist", "/static/worklist.css", "/x"]
)
def test_every_answer_is_locked_down(get: Get, path: str) -> None:
    """Nothing from elsewhere, no copies kept, no address passed on, whatever the status."""
    headers = get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_needs_nothing_its_policy_forbids(get: Get, migrated_database: Database) -> None:
    """No inline style, no inline script, no address of another host."""
    _fill(migrated_database)
    for path in ("/", "/studies/1.2.3"):
        page = get(path).text
        assert "style=" not in page
        assert "<style" not in page
        assert "<script>" not in page
        assert "http://" not in page
        assert "https://" not in page


def test_every_time_is_marked_with_its_zone(migrated_database: Database, tmp_path: Path) -> None:
    """Browsers show the reader's zone in its place; without scripts each page says UTC."""
    _fill(migrated_database)
    with migrated_database.write() as session:
        pacs = {"destination": "pacs", "failures": 3, "last_message": "no answer"}
        session.add(Breaker(**pacs, failing_since=NOON, probe_at=NOON))
    client = password_client(migrated_database, tmp_path)()
    client.log_in("otto")
    for path in ("/", "/studies/1.2.3", "/operations"):
        page = client.get(path).text
        assert '<span class="zone">UTC</span>' in page
        rest = re.sub(r'<time [^>]*>[^<]*</time>|<span class="zone">UTC</span>', "", page)
        shown = re.sub(r"<[^>]*>", "", rest)
        assert "<time" in page
        assert "UTC" not in shown
        assert not re.search(r"\d:\d\d:\d\d", shown)


def test_addresses_hold_no_patient_attribute(get: Get, migrated_database: Database) -> None:
    """Links name the study by its UID alone."""
    _fill(migrated_database)
    links = [part.split('"')[0] for part in get("/").text.split('href="')[1:]]
    assert "/studies/1.2.3" in links
    assert not [link for link in links if "P-77" in link or "Brien" in link]


def test_a_study_uid_that_is_none_is_in_no_address(get: Get, migrated_database: Database) -> None:
    """Whatever a sender put there: the study is listed, and has no page."""
    with migrated_database.write() as session:
        add_instance(session, "DOE^JANE", patient_id="P-78")
    page = get("/").text
    assert "P-78" in page
    assert 'href="/studies/' not in page
    assert get("/studies/DOE%5EJANE").status_code == 404


def test_json_holds_the_list_in_order_and_the_ledger(get: Get, migrated_database: Database) -> None:
    """What the page shows can be read by another system."""
    _fill(migrated_database)
    found = get("/api/v1/worklist?limit=5").json()
    assert found["worklist"][0]["priority"] == "STAT"
    assert found["worklist"][0]["waiting_s"] >= 0
    assert found["ledger"]["received"] == 2
    assert get("/api/v1/worklist?limit=0").status_code == 422


def test_metrics_count_states_and_hold_no_patient_attribute(
    get: Get, migrated_database: Database
) -> None:
    """Prometheus can parse them; the age of the oldest pending image is among them."""
    _fill(migrated_database)
    with migrated_database.write() as session:
        add_instance(session, "1.2.4", received_at=NOON)
    text = get("/metrics").text
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert figures["screening_instances", "classified"] == 1
    assert figures["screening_instances", "pending"] == 1
    assert figures["screening_deliveries", "pacs", "parked"] == 1
    assert figures["screening_oldest_pending_age_seconds",] > 0
    assert figures["screening_ledger_adds_up",] == 1
    assert "P-77" not in text
    assert "Brien" not in text


def test_health_tells_the_age_of_the_oldest_pending_image(
    get: Get, migrated_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No age where nothing waits; the database is not asked more than once a second."""
    monkeypatch.setattr("screening.worklist.figures.pending.RECENT_S", 60.0)
    nothing_waits = {"status": "ok", "oldest_pending_age_s": None}
    assert get("/healthz").json() == nothing_waits
    with migrated_database.write() as session:
        add_instance(session, "1.2.4", received_at=NOON)
    assert get("/healthz").json() == nothing_waits
    monkeypatch.setattr("screening.worklist.figures.pending.RECENT_S", -1.0)
    assert get("/healthz").json()["oldest_pending_age_s"] > 0


def test_a_database_that_is_away_is_said_plainly(tmp_path: Path) -> None:
    """503 for people and for monitoring, without an inner detail."""
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    get = _getter(away, Settings(data_dir=tmp_path))
    page = get("/")
    assert page.status_code == 503
    assert "The worklist is not available" in page.text
    health = get("/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "database unavailable")
    away.close()
