"""Credentials of destinations over HTTP: where they come from, what is wrong with them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from screening.delivery.destination import Destination
from screening.delivery.kind import Ending
from screening.errors import SettingsError
from tests.peers.http_peer import Came, HttpPeer, Told, http_peer
from tests.reports.over_http import REPORT, over_http, secret, send


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    """Return a running server."""
    with http_peer() as running:
        yield running


def stow(url: str, **keys: Any) -> Destination:
    """Return a destination that takes reports by STOW-RS."""
    return over_http("stow-rs", url, **keys)


def test_basic_and_bearer_come_from_files_that_may_change(peer: HttpPeer, tmp_path: Path) -> None:
    """They are read for each request; a refusal pauses the destination."""
    path = secret(tmp_path, "open sesame\n")
    send(stow(peer.url, authentication="basic", user="us", password_file=path))
    expected = base64.b64encode(b"us:open sesame").decode()
    assert peer.came[-1].headers["Authorization"] == f"Basic {expected}"
    destination = stow(peer.url, authentication="bearer", token_file=secret(tmp_path, "abc.def="))
    send(destination)
    secret(tmp_path, "new")
    peer.answer = lambda _: Told(401)
    assert send(destination).ending is Ending.PAUSED
    assert [one.headers["Authorization"] for one in peer.came[1:]] == [
        "Bearer abc.def=",
        "Bearer new",
    ]
    secret(tmp_path, "two words")
    assert (send(destination).ending, len(peer.came)) == (Ending.PAUSED, 3)


def test_oauth_keeps_its_token_and_replaces_one_that_is_refused(
    peer: HttpPeer, tmp_path: Path
) -> None:
    """Client credentials by Basic; one token for many reports; a refused one is replaced once."""
    tokens = iter(["one", "two", "three"])
    refused = {"one"}

    def answer(came: Came) -> Told:
        if came.path == "/token":
            granted = {"access_token": next(tokens), "token_type": "Bearer", "expires_in": 3600}
            return Told(200, json.dumps(granted).encode())
        token = came.headers["Authorization"].removeprefix("Bearer ")
        return Told(401 if token in refused else 200)

    peer.answer = answer
    destination = stow(
        f"{peer.url}/web",
        authentication="oauth",
        oauth_token_url=f"{peer.url}/token",
        oauth_client_id="we:us",
        oauth_client_secret_file=secret(tmp_path, "s+crt"),
        oauth_scope="store",
    )
    assert [one.ending for one in destination.send([REPORT, REPORT])] == [Ending.DELIVERED] * 2
    assert send(destination).ending is Ending.DELIVERED
    asked = [came for came in peer.came if came.path == "/token"]
    assert [one.body for one in asked] == [b"grant_type=client_credentials&scope=store"] * 2
    encoded = asked[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded) == b"we%3Aus:s%2Bcrt"
    refused |= {"two", "three"}
    assert send(destination).ending is Ending.PAUSED


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b'{"error": "invalid_client"}', "status 401 (invalid_client)"),
        (400, b'{"error": "<b>Doe^Jane</b>"}', "found status 400; see"),
        (200, b'{"access_token": "a", "token_type": "mac"}', "status 200"),
        (200, b'{"access_token": "a\\r\\nX: y", "token_type": "bearer"}', "status 200"),
        (200, b"token", "status 200"),
    ],
)
def test_without_a_token_nothing_is_sent(
    peer: HttpPeer, tmp_path: Path, status: int, body: bytes, words: str
) -> None:
    """The destination is paused, and the message says what to see to."""
    peer.answer = lambda _: Told(status, body)
    attempt = send(
        stow(
            f"{peer.url}/web",
            authentication="oauth",
            oauth_token_url=f"{peer.url}/token",
            oauth_client_id="us",
            oauth_client_secret_file=secret(tmp_path, "s"),
        )
    )
    assert attempt.ending is Ending.PAUSED
    assert words in attempt.message
    assert [came.path for came in peer.came] == ["/token"]


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"url": "ftp://h/"}, "expected a URL such as"),
        ({"url": "https://user:pw@h/"}, "without user, password"),
        ({"url": "https://h/?x=1"}, "without user, password, query"),
        ({"authentication": "basic"}, "needs user, password_file"),
        ({"user": "us"}, "does not use user"),
        ({"authentication": "basic", "user": "a:b", "password_file": "f"}, "without a colon"),
        (
            {"url": "http://h/", "authentication": "bearer", "token_file": "f"},
            "expected https, since credentials",
        ),
        ({"timeout_s": 41}, "timeout_s"),
        ({"profile": "json_x"}, "stow-rs can send"),
    ],
)
def test_wrong_keys_are_named(keys: dict[str, Any], complaint: str) -> None:
    """Before anything starts."""
    with pytest.raises(SettingsError, match=complaint):
        stow(keys.pop("url", "https://h/"), **keys)


@pytest.mark.parametrize(
    ("text", "mode", "complaint"),
    [
        ("s", 0o640, "mode 0640: others may use it; run chmod 600"),
        ("", 0o600, "none, or several lines"),
        ("a\nb", 0o600, "none, or several lines"),
        (None, 0o600, "No such file"),
    ],
)
def test_a_secret_must_be_there_and_private(
    tmp_path: Path, text: str | None, mode: int, complaint: str
) -> None:
    """The message says what to do, and never what is in the file."""
    path = str(tmp_path / "none") if text is None else secret(tmp_path, text, mode)
    with pytest.raises(SettingsError, match=complaint):
        stow("https://h/", authentication="bearer", token_file=path)
