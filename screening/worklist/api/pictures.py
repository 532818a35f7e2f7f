"""`/images/DIGEST/preview`: the radiograph, windowed as its header says, as a JPEG."""

from collections.abc import Mapping

from fastapi import APIRouter, Response

from screening.spool.previews import PictureKind
from screening.worklist.api.problems import API_PATH, Problem, ProblemError
from screening.worklist.api.refusals import refused_by
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.pictures.routes import NoPictureError, read_picture
from screening.worklist.source import Source

JPEG = "image/jpeg"
OF_STATUS: Mapping[int, Problem] = {
    404: Problem.UNKNOWN_IMAGE,
    410: Problem.IMAGE_REMOVED,
    422: Problem.NO_PICTURE,
    503: Problem.BUSY,
}


def preview_address(sha256: str) -> str:
    """Return where the picture of an image is."""
    return f"{API_PATH}/images/{sha256}/preview"


def pictures_router(source: Source, pictures: Pictures) -> APIRouter:
    """Return the operation that shows an image."""
    router = APIRouter(tags=["images"])

    @router.get(
        "/images/{sha256}/preview",
        operation_id="readPreview",
        summary="Get the picture of an image.",
        response_class=Response,
        responses={
            200: {
                "description": "At most 1,024 pixels on a side.",
                "content": {JPEG: {"schema": {"type": "string", "format": "binary"}}},
            },
            **refused_by(*OF_STATUS.values()),
        },
    )
    def read_preview(sha256: str) -> Response:
        """Show the image of this digest, by the window that its header says.

        What is burned into its pixels is in it, too: it is for roles that may see patients.
        """
        try:
            content = read_picture(source.database, pictures, sha256, PictureKind.PREVIEW)
        except NoPictureError as error:
            raise ProblemError(OF_STATUS[error.status], str(error)) from None
        return Response(content, media_type=JPEG)

    return router
