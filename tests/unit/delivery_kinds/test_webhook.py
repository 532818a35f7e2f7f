"""Webhooks: what is signed, what each answer leads to, and targets that do not behave."""

import base64
import hashlib
import hmac
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from screening.delivery.destination import Destination
from screening.delivery.kind import Ending
from screening.delivery_kinds.webhook import HTTP_RULES, OUTCOMES, signature, signing_key
from screening.errors import SettingsError
from tests.peers.http_peer import Came, HttpPeer, Told, http_peer
from tests.reports.over_http import REPORT, UID, over_http, secret, send
from tests.services.servers import free_port

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SENT = [rule for rule in HTTP_RULES if rule.last in range(200, 600)]
"""Statuses that a server of HTTP sends."""


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    """Return a running server."""
    with http_peer() as running:
        yield running


def hook(url: str, folder: Path, **keys: Any) -> Destination:
    """Return a destination that is a webhook."""
    return over_http("webhook", url, secret_file=secret(folder, SECRET), **keys)


def is_signed(came: Came, key: bytes = KEY) -> bool:
    """Return whether a request is ours, as a receiver would find out."""
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}."
    digest = hmac.new(key, signed.encode() + came.body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return hmac.compare_digest(came.headers["webhook-signature"], expected)


def test_the_signature_is_that_of_the_specification(tmp_path: Path) -> None:
    """The example that Standard Webhooks publishes."""
    key = signing_key(Path(secret(tmp_path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")))
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_result_is_posted_signed_under_its_id(peer: HttpPeer, tmp_path: Path) -> None:
    """Its bytes as they are; again it has the same key; another secret signs otherwise."""
    destination = hook(f"{peer.url}/results/", tmp_path)
    assert (send(destination).ending, send(destination).status) == (Ending.DELIVERED, "200")
    for came in peer.came:
        assert (came.method, came.path, came.body) == ("POST", "/results/", REPORT.content)
        assert came.headers["Content-Type"] == "application/json"
        assert came.headers["webhook-id"] == UID
        assert came.headers["Idempotency-Key"] == f'"{UID}"'
        assert is_signed(came)
        assert not is_signed(came, bytes(32))


@pytest.mark.parametrize("rule", SENT, ids=lambda rule: f"{rule.first}-{rule.last}")
def test_each_status_leads_where_the_table_says(rule: Any, peer: HttpPeer, tmp_path: Path) -> None:
    """A redirect is never followed."""
    peer.answer = lambda _: Told(rule.last, headers={"Location": f"{peer.url}/elsewhere"})
    attempt = send(hook(f"{peer.url}/hook", tmp_path))
    assert (attempt.ending, attempt.status) == (OUTCOMES[rule.outcome], str(rule.last))
    assert attempt.message == rule.meaning
    assert [came.path for came in peer.came] == ["/hook"]


def test_a_target_that_never_answers_is_left_after_its_time(tmp_path: Path) -> None:
    """Each result is sent again later; without a connection the whole batch waits at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        attempt = send(hook(url, tmp_path, timeout_s=0.5))
    assert (attempt.ending, attempt.status) == (Ending.RETRY, "")
    assert "within 0.5 s" in attempt.message
    attempts = list(hook(f"http://127.0.0.1:{free_port()}", tmp_path).send([REPORT] * 3))
    assert [one.ending for one in attempts] == [Ending.RETRY] * 3


def test_its_test_sends_a_signed_ping(peer: HttpPeer, tmp_path: Path) -> None:
    """And no result."""
    destination = hook(peer.url, tmp_path)
    assert [check.passed for check in destination.test()] == [True, True]
    [came] = peer.came
    assert came.body == b'{"version":"1","type":"ping"}'
    assert is_signed(came)
    peer.answer = lambda _: Told(401)
    assert [check.passed for check in destination.test()] == [True, False]
    [check] = hook(f"http://127.0.0.1:{free_port()}", tmp_path).test()
    assert not check.passed


def test_a_secret_that_is_gone_pauses_the_destination(peer: HttpPeer, tmp_path: Path) -> None:
    """Nothing is sent without a signature."""
    destination = hook(peer.url, tmp_path)
    (tmp_path / "secret").unlink()
    attempt = send(destination)
    assert attempt.ending is Ending.PAUSED
    assert "expected one line with a secret" in attempt.message
    assert peer.came == []


@pytest.mark.parametrize("text", ["whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "x"])
def test_a_secret_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    """Before anything is sent; the message does not repeat it."""
    with pytest.raises(SettingsError, match="expected whsec_ and 24 to 64 bytes") as raised:
        over_http("webhook", "https://h/", secret_file=secret(tmp_path, text))
    assert len(text) < 8 or text not in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"profile": "json_with_patient"}, "expected https"),
        ({"profile": "comprehensive"}, "webhook can send: json, json_with_patient; found"),
        ({"authentication": "bearer"}, "needs token_file"),
    ],
)
def test_wrong_keys_are_named(keys: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    """A patient's attributes go over TLS only, but on this machine."""
    with pytest.raises(SettingsError, match=complaint):
        hook("http://hook.example.org/", tmp_path, **keys)


def test_on_this_machine_patients_need_no_tls(peer: HttpPeer, tmp_path: Path) -> None:
    """Nothing leaves it."""
    assert send(hook(peer.url, tmp_path, profile="json_with_patient")).ending is Ending.DELIVERED
