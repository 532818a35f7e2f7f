"""The addresses of pictures: an image by the digest of its object, which names nobody."""

import re
from collections.abc import Mapping

from fastapi import FastAPI, Response
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.spool.previews import PictureKind
from screening.worklist.pages import Pages
from screening.worklist.pictures.pictures import Pictures, PicturesBusyError

PICTURES_PATH = "/pictures"
DIGEST = re.compile(r"[0-9a-f]{64}")
UNKNOWN = "No image with this digest has been received."
REMOVED = "The image has left the spool: it was kept as long as this site keeps images."
MISSING = "The spool has no file of this image. Tell the operators of this system."
_KINDS = {kind.value: kind for kind in PictureKind}
_HEADERS: Mapping[PictureKind, Mapping[str, str]] = {
    PictureKind.PREVIEW: {"Content-Type": "image/jpeg"},
    PictureKind.VALUES: {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
}


class NoPictureError(Exception):
    """There is no picture; the text says why, for people. status: the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def add_pictures(app: FastAPI, pages: Pages, database: Database, pictures: Pictures) -> None:
    """Add `/pictures/DIGEST/preview.jpg` and `/pictures/DIGEST/values.gz`.

    Where there is no picture the answer is a drawing that says why.
    """

    @app.get(f"{PICTURES_PATH}/{{sha256}}/{{name}}")
    def picture(sha256: str, name: str) -> Response:
        try:
            kind = _kind(name)
            content = read_picture(database, pictures, sha256, kind)
            return Response(content, headers=_HEADERS[kind])
        except NoPictureError as refused:
            return Response(
                pages.no_picture(str(refused)),
                refused.status,
                headers={"Content-Type": "image/svg+xml"},
            )


def read_picture(database: Database, pictures: Pictures, sha256: str, kind: PictureKind) -> bytes:
    """Return a picture of the image of this digest.

    Raises NoPictureError, and DatabaseUnavailableError.
    """
    if not DIGEST.fullmatch(sha256):
        raise NoPictureError(404, UNKNOWN)
    statement = select(Instance.removing_since).where(Instance.sha256 == sha256)
    with database.read() as session:
        found = session.scalars(statement).all()
    if not found:
        raise NoPictureError(404, UNKNOWN)
    if all(found):
        raise NoPictureError(410, REMOVED)
    try:
        picture = pictures.get(sha256, kind)
    except PicturesBusyError as error:
        raise NoPictureError(503, str(error)) from None
    if picture.reason:
        raise NoPictureError(422, picture.reason)
    if not picture.content:
        raise NoPictureError(404, MISSING)
    return picture.content


def _kind(name: str) -> PictureKind:
    if name not in _KINDS:
        raise NoPictureError(404, UNKNOWN)
    return _KINDS[name]
