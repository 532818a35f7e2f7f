"""The REST interface over a real connection: the examples of its page, and two programs at once."""

import contextlib
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from screening.db.session import Database
from screening.domain.roles import Role
from screening.settings import Settings
from screening.spool.previews import PictureKind, Previews
from screening.spool.store import Spool
from screening.worklist.access.tokens import create_token
from screening.worklist.api import entity_tags
from screening.worklist.pictures.pictures import Pictures
from tests.rows.readings import add_study, entry_of
from tests.rows.stored import add_bundle, add_instance, add_score
from tests.services.programs import program
from tests.sites.web_app import make_app

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY, OTHER, SHA256 = "1.2.3", "1.2.4", "ab" * 32
START_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A page that listens: its address and its database."""

    address: str
    database: Database

    def token(self, name: str) -> str:
        """Return the token of a reader's program."""
        return create_token(self.database, name, Role.READER, by="otto", expires_at=None)


@pytest.fixture
def served(migrated_database: Database, tmp_path: Path) -> Iterator[Served]:
    """Serve a page with a study that has a picture, and another."""
    settings = Settings(data_dir=tmp_path)
    spool = Spool(settings.spool_dir)
    spool.prepare()
    spool.path_of(SHA256).write_bytes(b"object")
    previews = Previews(spool.previews, spool, largest_bytes=1 << 20)
    previews.keep(SHA256, PictureKind.PREVIEW, b"\xff\xd8\xff picture")
    with migrated_database.write() as session:
        image = add_instance(session, STUDY, sha256=SHA256, patient_name="Smith^John")
        add_score(session, image, add_bundle(session), priority="STAT", covid19=0.9)
    add_study(migrated_database, OTHER, "STAT")
    app = make_app(migrated_database, settings, pictures=Pictures(previews, []))
    with _serving(app) as address:
        yield Served(address, migrated_database)


@contextlib.contextmanager
def _serving(app: object) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))  # type: ignore[arg-type]  # any ASGI application
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until_s = time.monotonic() + START_TIMEOUT_S
    while not server.started and time.monotonic() < until_s:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_the_examples_of_the_page_do_what_it_says(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line, in their order, by curl."""
    monkeypatch.setattr(entity_tags, "LASTS_S", 10**9)
    program("curl")
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 7
    told = {"PAGE": served.address, "TOKEN": served.token("ris"), "STUDY": STUDY}
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join((*examples, 'echo; echo "$TAG"'))],
        env={"PATH": os.environ["PATH"], **told},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "preview.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert "\n304\n" in ended.stdout.replace("}304", "}\n304")
    assert ended.stdout.splitlines()[-1].startswith('W/"')
    assert '"reading":"read"' in ended.stdout
    assert "screening_instances" in (tmp_path / "metrics.txt").read_text(encoding="utf-8")
    assert entry_of(served.database, STUDY).reading == "unread"


def test_of_programs_that_claim_at_once_one_has_the_study(served: Served) -> None:
    """The others are told whose it is."""
    tokens = [served.token(f"ris{number}") for number in range(4)]
    at_once = threading.Barrier(len(tokens))

    def claim(token: str) -> httpx.Response:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            at_once.wait()
            return client.put(f"{served.address}/api/v1/studies/{OTHER}/claim")

    with ThreadPoolExecutor(len(tokens)) as threads:
        answers = list(threads.map(claim, tokens))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    (winner,) = {one.json()["reader"] for one in answers if one.status_code == 200}
    refused = [one.json() for one in answers if one.status_code == 409]
    assert {one["type"] for one in refused} == {"/api/v1/problems/refused"}
    assert all(f"claimed by {winner} at" in one["detail"] for one in refused)


def test_a_body_without_end_is_cut_off(served: Served) -> None:
    """It is not read beyond the limit; the next request is answered."""
    host, port = served.address.removeprefix("http://").split(":")
    head = (
        f"POST /api/v1/searches HTTP/1.1\r\nHost: localhost:{port}\r\n"
        f"Authorization: Bearer {served.token('ris')}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + b"x" * 20_000)
        assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]
    assert httpx.get(f"{served.address}/healthz").status_code == 200
