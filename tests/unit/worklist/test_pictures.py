"""Pictures on the page, made by a real process, and what there is where none can be made."""

import re
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.imaging.phantoms.phantom import write_phantoms
from screening.settings import Settings
from screening.spool.previews import PictureKind, Previews
from screening.spool.store import Spool, data_set_sha256
from screening.worklist.pictures import pictures as pictures_module
from screening.worklist.pictures.pictures import Pictures, PicturesBusyError
from screening.worklist.pictures.process import ENDED, TOO_SLOW, RendererProcess, renderer_command
from tests.rows.stored import add_instance
from tests.sites.web_app import Client, make_app, password_client

PREVIEW = PictureKind.PREVIEW
DIES = [sys.executable, "-c", "input(); import os; os.abort()"]
HANGS = [sys.executable, "-c", "input(); input()"]


@dataclass
class Shown:
    """An application, its spool, and the digest of a radiograph in it."""

    client: Client
    pictures: Pictures
    spool: Spool
    sha256: str

    def path(self, name: str = "preview.jpg") -> str:
        """Return the address of the radiograph's picture."""
        return f"/pictures/{self.sha256}/{name}"

    def for_programs(self, sha256: str = "") -> str:
        """Return where programs get a picture; of the radiograph, unless another is named."""
        return f"/api/v1/images/{sha256 or self.sha256}/preview"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a synthetic radiograph."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), 1)[0]


def kept(spool: Spool, source: Path) -> str:
    """Put an object into the spool; return its digest."""
    sha256 = data_set_sha256(source)
    shutil.copy(source, spool.path_of(sha256))
    return sha256


@pytest.fixture
def shown(migrated_database: Database, tmp_path: Path, phantom: Path) -> Iterator[Shown]:
    """Return an application with a radiograph in its spool."""
    settings = Settings(data_dir=tmp_path)
    spool = Spool(settings.spool_dir)
    spool.prepare()
    sha256 = kept(spool, phantom)
    with migrated_database.write() as session:
        add_instance(session, "1.2.3", sha256=sha256)
    command = renderer_command(settings.spool_dir, spool.previews)
    previews = Previews(spool.previews, spool, largest_bytes=1 << 20)
    pictures = Pictures(previews, [RendererProcess(command)])
    app = make_app(migrated_database, settings, pictures=pictures)
    with pictures.running():
        yield Shown(Client(app), pictures, spool, sha256)


def mark_removed(database: Database) -> None:
    """Mark the only image as one that retention removes."""
    with database.write() as session:
        session.query(Instance).one().removing_since = utc_now()


def test_a_picture_is_shown_kept_and_removed(shown: Shown, migrated_database: Database) -> None:
    """A JPEG and values for a window, not to be kept by browsers; gone when retention begins."""
    page = shown.client.get("/studies/1.2.3").text
    assert f'src="{shown.path()}"' in page
    assert f'data-values="{shown.path("values.gz")}"' in page
    answer = shown.client.get(shown.path())
    assert (answer.status_code, answer.content[:3]) == (200, b"\xff\xd8\xff")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    values = shown.client.get(shown.path("values.gz"))
    assert values.status_code == 200
    assert values.content.startswith(b'{"rows": ')  # the client has inflated it
    files = sorted(path.name for path in shown.spool.previews.rglob("*.*"))
    assert files == [f"{shown.sha256}.preview.jpg", f"{shown.sha256}.values.gz"]
    assert shown.client.get(shown.path()).content == answer.content
    by_program = shown.client.get(shown.for_programs())
    assert by_program.content == answer.content
    assert by_program.headers["Content-Type"] == "image/jpeg"
    mark_removed(migrated_database)
    gone = shown.client.get(shown.path())
    assert (gone.status_code, gone.headers["Content-Type"]) == (410, "image/svg+xml")
    assert "has left the" in gone.text
    told = shown.client.get(shown.for_programs())
    assert (told.status_code, told.json()["type"]) == (410, "/api/v1/problems/image-removed")
    page = shown.client.get("/studies/1.2.3").text
    assert "No picture: the image has left the spool" in page
    assert "/pictures/" not in page


def test_an_image_that_cannot_be_decoded_says_why(
    shown: Shown, migrated_database: Database, tmp_path: Path, phantom: Path
) -> None:
    """A drawing with the decoder's reason; a damaged file and one that is absent say so."""
    whole = phantom.read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(whole[: len(whole) // 2])
    digest = kept(shown.spool, cut)
    damaged, absent = "ab" * 32, "cd" * 32
    shown.spool.path_of(damaged).write_bytes(whole)
    with migrated_database.write() as session:
        for number, sha256 in enumerate((digest, damaged, absent)):
            add_instance(session, f"1.2.{number + 4}", sha256=sha256)
    expected = {
        digest: (422, "another viewer"),
        damaged: (422, "damaged"),
        absent: (404, "no file of this image"),
    }
    for sha256, (status, words) in expected.items():
        answer = shown.client.get(f"/pictures/{sha256}/preview.jpg")
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert words in re.sub("<[^>]*>", " ", answer.text).replace("  ", " ")
        told = shown.client.get(shown.for_programs(sha256))
        assert told.headers["Content-Type"] == "application/problem+json"
        assert (told.status_code, words in told.json()["detail"]) == (status, True)
    assert shown.client.get(shown.path()).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/" + "a" * 64 + "/preview.jpg",
        "/pictures/" + "A" * 64 + "/preview.jpg",
        "/pictures/SMITH/preview.jpg",
        "/pictures/..%2f..%2fetc/preview.jpg",
        "/pictures/" + "a" * 64 + "/passwd",
    ],
)
def test_other_addresses_name_no_picture(shown: Shown, path: str) -> None:
    """Neither an unknown digest nor another text leads to a file."""
    assert shown.client.get(path).status_code == 404


def test_pictures_are_for_readers(migrated_database: Database, tmp_path: Path) -> None:
    """Without a login there is none, whatever the digest."""
    stranger = password_client(migrated_database, tmp_path)()
    assert stranger.get("/pictures/" + "a" * 64 + "/preview.jpg").status_code == 401


@pytest.mark.parametrize(("command", "reason"), [(DIES, ENDED), (HANGS, TOO_SLOW)])
def test_an_image_that_ends_the_process_costs_one(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, command: list[str], reason: str
) -> None:
    """The next request for it is answered from memory; other images still have their picture."""
    monkeypatch.setattr(pictures_module, "RENDER_TIMEOUT_S", 1.0)
    shown.spool.path_of("ab" * 32).write_bytes(b"deadly")
    previews = Previews(shown.spool.previews, shown.spool, largest_bytes=1 << 20)
    renderer = RendererProcess(command)
    pictures = Pictures(previews, [renderer])
    with pictures.running():
        assert pictures.get("ab" * 32, PREVIEW).reason == reason
        monkeypatch.setattr(renderer, "make", None)
        assert pictures.get("ab" * 32, PREVIEW).reason == reason
        monkeypatch.undo()
        shown.client.get(shown.path())
        assert pictures.get(shown.sha256, PREVIEW).content


def test_too_many_requests_are_told_to_wait(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others are made, a limited number waits; what is kept is given all the same."""
    assert shown.client.get(shown.path()).status_code == 200
    monkeypatch.setattr(pictures_module, "MOST_WAITING", 1)
    monkeypatch.setattr(pictures_module, "WAIT_TIMEOUT_S", 0.05)
    entered, leave = threading.Event(), threading.Event()

    def make(_sha256: str, _kind: PictureKind, *, timeout_s: float) -> str:
        entered.set()
        leave.wait(timeout_s)
        return "made too late"

    renderer = RendererProcess(DIES)
    monkeypatch.setattr(renderer, "make", make)
    previews = Previews(shown.spool.previews, shown.spool, largest_bytes=1 << 20)
    pictures = Pictures(previews, [renderer])
    slow = threading.Thread(target=pictures.get, args=("ab" * 32, PREVIEW))
    slow.start()
    entered.wait()
    with pytest.raises(PicturesBusyError):
        pictures.get("cd" * 32, PREVIEW)
    assert pictures.get(shown.sha256, PREVIEW).content
    leave.set()
    slow.join()
