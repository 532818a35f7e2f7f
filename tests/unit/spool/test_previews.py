"""The folder of pictures: within its limit, and no picture longer than its object."""

import os
from pathlib import Path

import pytest

from screening.spool.previews import PictureKind, Previews
from screening.spool.store import Spool

DIGESTS = tuple(f"{number:02x}" * 32 for number in range(1, 6))
PREVIEW = PictureKind.PREVIEW


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return a spool that has an object of each digest."""
    made = Spool(tmp_path / "spool")
    made.prepare()
    for digest in DIGESTS:
        made.path_of(digest).write_bytes(b"object")
    return made


def folder(spool: Spool, *, largest_bytes: int = 1000) -> Previews:
    """Return the spool's own folder of pictures."""
    return Previews(spool.previews, spool, largest_bytes=largest_bytes)


def test_removing_an_object_removes_its_pictures_at_once(spool: Spool) -> None:
    """Of every kind, and no other object's."""
    previews = folder(spool)
    for digest in DIGESTS[:2]:
        for kind in PictureKind:
            previews.keep(digest, kind, b"picture")
    spool.remove(DIGESTS[0])
    assert [path.name[:64] for path in spool.previews.rglob("*.*")] == [DIGESTS[1]] * 2
    assert previews.read(DIGESTS[1], PREVIEW) == b"picture"


def test_a_picture_is_neither_given_nor_kept_without_its_object(spool: Spool) -> None:
    """One that is made while the object goes is removed; one left over is not given."""
    previews = folder(spool)
    previews.keep(DIGESTS[0], PREVIEW, b"picture")
    spool.path_of(DIGESTS[0]).unlink()
    assert previews.read(DIGESTS[0], PREVIEW) is None
    previews.keep(DIGESTS[0], PREVIEW, b"picture")
    assert not previews.path_of(DIGESTS[0], PREVIEW).exists()


def test_tidying_removes_orphans_then_what_was_unused_longest(spool: Spool) -> None:
    """Until nine tenths of the limit are left; reading counts as use, and rests are counted."""
    previews = folder(spool, largest_bytes=250)
    for age, digest in enumerate(DIGESTS):
        previews.keep(digest, PREVIEW, bytes(100))
        os.utime(previews.path_of(digest, PREVIEW), (age, age))
    spool.path_of(DIGESTS[4]).unlink()
    rest = previews.path_of(DIGESTS[1], PREVIEW).with_name(f".{DIGESTS[1]}.preview.jpg.x.part")
    rest.write_bytes(bytes(10))
    os.utime(rest, (0, 0))
    assert previews.read(DIGESTS[0], PREVIEW) is not None
    assert previews.tidy() == 4
    left = {digest for digest in DIGESTS if previews.path_of(digest, PREVIEW).exists()}
    assert left == {DIGESTS[0], DIGESTS[3]}
    assert not rest.exists()
    assert previews.tidy() == 0
