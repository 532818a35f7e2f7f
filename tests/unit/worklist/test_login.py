"""Logging in with a password, and what is refused without."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from screening.db.session import Database
from screening.domain.roles import Role
from screening.errors import SettingsError
from screening.settings import Settings
from screening.worklist.access.attempts import MOST_FAILURES
from screening.worklist.access.users import User, hash_password, read_users, write_users
from tests.rows.stored import add_bundle, add_instance, add_report, add_score
from tests.sites.web_app import PASSWORDS, Client, add_users, form_token, make_app, password_client

MakeClient = Callable[..., Client]
PATIENT = "P-77"


@pytest.fixture
def make_client(migrated_database: Database, tmp_path: Path) -> MakeClient:
    """Return a maker of clients of a page that asks for passwords; a study is on its list."""
    with migrated_database.write() as session:
        instance = add_instance(session, "1.2.3", patient_id=PATIENT)
        result = add_score(session, instance, add_bundle(session), priority="STAT", covid19=0.9)
        add_report(session, result, pacs="parked")
    return password_client(migrated_database, tmp_path)


def basic(name: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


@pytest.mark.parametrize(
    "path", ["/", "/board", "/studies/1.2.3", "/model", "/api/v1/worklist", "/metrics"]
)
def test_nobody_reads_without_logging_in(make_client: MakeClient, path: str) -> None:
    """People are led to the login page, programs are told; no name and no figure gets out."""
    answer = make_client().get(path)
    assert answer.status_code in {303, 401}
    assert PATIENT not in answer.text
    assert "screening_instances" not in answer.text
    if answer.status_code == 303:
        assert answer.headers["Location"] == "/login"


def test_health_and_the_login_pages_own_parts_are_for_everybody(make_client: MakeClient) -> None:
    """A load balancer and a browser need them before anybody is known."""
    client = make_client()
    for path in ("/healthz", "/login", "/static/worklist.css"):
        assert client.get(path).status_code == 200


def test_a_reader_logs_in_reads_and_logs_out(make_client: MakeClient) -> None:
    """The list is there in between, with the reader's name; the old cookie is of no use then."""
    client = make_client()
    answer = client.log_in("rita")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = client.get("/").text
    assert PATIENT in page
    assert "rita (reader)" in page
    assert client.get("/login").headers["Location"] == "/"
    kept = dict(client.cookies)
    assert client.post("/logout", data={"form_token": form_token(page)}).status_code == 303
    assert client.get("/").status_code == 303
    client.cookies.update(kept)
    assert client.get("/").status_code == 303


def test_each_login_has_a_session_of_its_own(make_client: MakeClient) -> None:
    """What was in the browser before is not taken over (session fixation)."""
    client = make_client()
    client.cookies.set("screening-session", "chosen-by-somebody-else")
    first = client.log_in("rita").cookies["screening-session"]
    second = make_client().log_in("rita").cookies["screening-session"]
    assert len({first, second, "chosen-by-somebody-else"}) == 3


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    migrated_database: Database, tmp_path: Path
) -> None:
    """HttpOnly, SameSite, limited in time, for this host; by TLS alone where there is TLS."""
    plain = password_client(migrated_database, tmp_path)()
    behind = password_client(
        migrated_database, tmp_path, web_behind_proxy=True, web_trusted_proxies="10.0.0.1"
    )(peer="10.0.0.1", address="https://127.0.0.1")
    for client, name in ((plain, "screening-session"), (behind, "__Host-screening-session")):
        cookies = client.log_in("rita").headers.get_list("Set-Cookie")
        (cookie,) = [one for one in cookies if one.startswith(f"{name}=")]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Max-Age=36000" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie) is (client is behind)


def test_a_wrong_password_and_an_unknown_user_look_the_same(make_client: MakeClient) -> None:
    """Nobody learns who has a user name; the fields are marked for those who cannot see."""
    texts = []
    for name in ("rita", "nobody", "a:b"):
        answer = make_client().log_in(name, "not the password")
        assert answer.status_code == 403
        assert "screening-session" not in answer.cookies
        token = form_token(answer.text)
        texts.append(answer.text.replace(token, ""))
    assert len(set(texts)) == 1
    assert 'role="alert"' in texts[0]
    assert 'aria-describedby="problem"' in texts[0]


def test_guessing_is_slowed_down(make_client: MakeClient) -> None:
    """After five failures even the right password waits, from this address; others do not."""
    client = make_client(peer="10.0.0.7")
    for _ in range(MOST_FAILURES["address and user"]):
        assert client.log_in("rita", "not the password").status_code == 403
    answer = client.log_in("rita")
    assert (answer.status_code, "Too many attempts" in answer.text) == (429, True)
    assert 0 < int(answer.headers["Retry-After"]) <= 901
    assert (
        client.get("/api/v1/worklist", headers=basic("rita", PASSWORDS["rita"])).status_code == 401
    )
    assert make_client(peer="10.0.0.8").log_in("rita").status_code == 303
    assert client.log_in("otto").status_code == 303


def test_a_removed_or_changed_user_is_out_at_once(make_client: MakeClient, tmp_path: Path) -> None:
    """Without waiting for the login to end: removed, another role, another password."""
    client = make_client()
    path = tmp_path / "web-users"
    client.log_in("rita")
    assert client.get("/").status_code == 200
    add_users(path, {"rita": Role.OPERATOR, "otto": Role.OPERATOR})
    assert client.get("/").status_code == 303
    client.log_in("rita")
    assert client.get("/").status_code == 200
    another = User("rita", Role.OPERATOR, hash_password("nine yellow kidneys"))
    write_users(path, [another, *(u for u in read_users(path).values() if u.name != "rita")])
    assert client.get("/").status_code == 303
    client.log_in("rita", "nine yellow kidneys")
    assert client.get("/").status_code == 200
    add_users(path, {"otto": Role.OPERATOR})
    assert client.get("/").status_code == 303
    client.log_in("otto")
    path.unlink()
    assert client.get("/").status_code == 303


def test_programs_read_with_name_and_password(make_client: MakeClient) -> None:
    """HTTP Basic for JSON and metrics; wrong ones are told which scheme to use."""
    client = make_client()
    right = basic("rita", PASSWORDS["rita"])
    assert PATIENT in client.get("/api/v1/worklist", headers=right).text
    assert client.get("/metrics", headers=right).status_code == 200
    for wrong in (basic("rita", "not the password"), {"Authorization": "Basic %%%"}, {}):
        answer = client.get("/api/v1/worklist", headers=wrong)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_browsers_are_never_asked_for_http_basic(make_client: MakeClient) -> None:
    """They would send it until they are closed: nobody could log out."""
    answer = make_client().get("/api/v1/worklist", headers={"Sec-Fetch-Site": "none"})
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers


def test_http_basic_changes_nothing(make_client: MakeClient) -> None:
    """Whatever a browser sends by itself is good for reading only."""
    client = make_client(headers=basic("otto", PASSWORDS["otto"]))
    page = client.get("/operations")
    assert page.status_code == 200
    answer = client.post("/operations/remake", data={"form_token": form_token(page.text)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_a_page_without_a_user_does_not_start(migrated_database: Database, tmp_path: Path) -> None:
    """The message names the command that adds one."""
    settings = Settings(data_dir=tmp_path, web_authentication="password")
    with pytest.raises(SettingsError, match="screening users add"):
        make_app(migrated_database, settings)
    write_users(tmp_path / "web-users", [])
    with pytest.raises(SettingsError, match="screening users add"):
        make_app(migrated_database, settings)


def test_nothing_that_is_typed_is_logged(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A password in the wrong field must not end in the log; known users and addresses do."""
    caplog.set_level("DEBUG")
    client = make_client()
    client.log_in("password typed here", "and here")
    client.log_in("rita", "wrong password of rita")
    printed = capsys.readouterr()
    written = printed.out + printed.err + caplog.text
    assert "login_failed" in written
    assert "rita" in written
    for typed in ("typed", "and here", "wrong password"):
        assert typed not in written
