"""Which machines the page speaks to, and whom a proxy may name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from screening.db.session import Database
from screening.settings import Settings
from tests.sites.web_app import Client, make_app, password_client

MakeClient = Callable[..., Client]
PROXY = "10.0.0.1"


def test_an_open_page_is_for_reading_on_this_machine(
    migrated_database: Database, tmp_path: Path
) -> None:
    """No login, no operators; nothing can be changed."""
    client = Client(make_app(migrated_database, Settings(data_dir=tmp_path)))
    assert client.get("/").status_code == 200
    assert client.get("/operations").status_code == 403
    assert client.post("/operations/remake").status_code == 403
    assert client.get("/login").status_code == 404


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("http://localhost:8080", {}, 200),
        ("http://127.0.0.1:9999", {}, 200),
        ("http://[::1]:8080", {}, 200),
        ("http://evil.example.org:8080", {}, 403),
        ("http://localhost.example.org", {}, 403),
        ("http://10.1.2.3", {}, 403),
        ("http://127.0.0.1", {"X-Forwarded-For": "10.1.2.3"}, 403),
        ("http://127.0.0.1", {"Forwarded": "for=10.1.2.3"}, 403),
    ],
)
def test_an_open_page_answers_to_this_machines_own_names_alone(
    migrated_database: Database,
    tmp_path: Path,
    address: str,
    headers: dict[str, str],
    status: int,
) -> None:
    """Another site's name that points here reads nothing, and a proxy before it neither."""
    app = make_app(migrated_database, Settings(data_dir=tmp_path))
    client = Client(app, address=address, headers=headers)
    for path in ("/", "/api/v1/worklist", "/metrics", "/static/worklist.css"):
        assert client.get(path).status_code == status
    assert client.get("/healthz").status_code == 200


@pytest.fixture
def by_proxy(migrated_database: Database, tmp_path: Path) -> MakeClient:
    """Return a maker of clients of a page whose proxy says who they are."""
    settings = Settings(
        data_dir=tmp_path,
        web_host="0.0.0.0",  # noqa: S104
        web_authentication="proxy",
        web_behind_proxy=True,
        web_trusted_proxies=f"{PROXY},192.168.7.0/24",
        web_reader_groups="radiology",
        web_operator_groups="pacs-admins",
    )
    app = make_app(migrated_database, settings)

    def make(peer: str = PROXY, user: str = "ann", groups: str = "radiology") -> Client:
        headers = {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}
        return Client(app, address="https://page", peer=peer, headers=headers)

    return make


@pytest.mark.parametrize(
    ("groups", "reads", "operates"),
    [
        ("radiology", 200, 403),
        ("surgery, radiology", 200, 403),
        ("pacs-admins", 200, 200),
        ("radiology,pacs-admins", 200, 200),
        ("surgery", 401, 401),
        ("", 401, 401),
    ],
)
def test_the_proxys_groups_give_the_role(
    by_proxy: MakeClient, groups: str, reads: int, operates: int
) -> None:
    """Readers read, operators operate, others are not let in."""
    client = by_proxy(groups=groups)
    assert client.get("/").status_code == reads
    assert client.get("/operations").status_code == operates


@pytest.mark.parametrize(
    ("peer", "status"),
    [(PROXY, 200), ("192.168.7.9", 200), ("10.0.0.2", 403), ("127.0.0.1", 403), ("odd", 403)],
)
def test_only_the_proxy_is_believed(by_proxy: MakeClient, peer: str, status: int) -> None:
    """Anybody can send its headers, so from elsewhere nothing but the health is answered."""
    client = by_proxy(peer=peer)
    assert client.get("/").status_code == status
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 401)])
def test_a_users_name_is_whole_or_nobodys(by_proxy: MakeClient, length: int, status: int) -> None:
    """Cut, two users would be one in the log."""
    client = by_proxy(user="cn=".ljust(length, "x"), groups="pacs-admins")
    assert client.get("/operations").status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-User", "X-Forwarded-Groups"])
def test_a_header_that_is_there_twice_counts_as_absent(by_proxy: MakeClient, header: str) -> None:
    """A proxy that adds its header to a reader's own would let readers choose who they are."""
    client = by_proxy()
    values = {"X-Forwarded-User": "admin", "X-Forwarded-Groups": "pacs-admins"}
    doubled = [*client.headers.items(), (header, values[header])]
    client.headers = {}
    assert client.get("/", headers=doubled).status_code == 401


def test_nobody_named_by_the_proxy_reads_nothing(by_proxy: MakeClient) -> None:
    """An empty name is none; there is no login page to go to."""
    answer = by_proxy(user="").get("/")
    assert answer.status_code == 401
    assert by_proxy().get("/login").status_code == 404


def test_forms_behind_a_proxy_need_their_token_too(by_proxy: MakeClient) -> None:
    """The proxy's cookie alone sends no form in an operator's name."""
    operator, other = by_proxy(groups="pacs-admins"), by_proxy(user="bob", groups="pacs-admins")
    assert operator.post("/operations/remake").status_code == 403
    page = other.get("/operations").text
    assert 'action="/logout"' not in page
    assert "bob (operator)" in page


def test_the_address_behind_a_proxy_is_the_readers(
    migrated_database: Database, tmp_path: Path
) -> None:
    """One who guesses is slowed down, and not everybody behind the same proxy."""
    make = password_client(
        migrated_database, tmp_path, web_behind_proxy=True, web_trusted_proxies=PROXY
    )
    guesser, rita = (
        make(peer=PROXY, address="https://page", headers={"X-Forwarded-For": address})
        for address in ("10.9.9.9", "10.8.8.8")
    )
    for _ in range(5):
        guesser.log_in("rita", "not the password")
    assert guesser.log_in("rita").status_code == 429
    assert rita.log_in("rita").status_code == 303


def test_browsers_are_told_to_come_by_tls_alone(by_proxy: MakeClient) -> None:
    """Where there is TLS; an open page on this machine has none."""
    assert "max-age" in by_proxy().get("/").headers["Strict-Transport-Security"]
