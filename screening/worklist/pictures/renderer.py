"""A process that makes pictures of spooled objects: a job a line in, an answer a line out.

Whatever a damaged object does to a decoder, it does here and not to the page.
"""

import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from screening.errors import RejectedInstanceError
from screening.imaging.rendering.preview import preview_jpeg, window_values
from screening.spool.previews import PictureKind, Previews
from screening.spool.store import Spool

MAKERS: Mapping[PictureKind, Callable[[Path], bytes]] = {
    PictureKind.PREVIEW: preview_jpeg,
    PictureKind.VALUES: window_values,
}
DAMAGED = "The file in the spool is damaged. Send the image again."
NO_MEMORY = "The machine has too little memory for this picture. Try again later."
NO_ROOM = "The folder of the pictures cannot be written. Tell the operators of this system."
UNEXPECTED = "The picture could not be made. The image is kept; open it in another viewer."


def make(spool: Spool, previews: Previews, sha256: str, kind: PictureKind) -> str:
    """Make and keep one picture; return "", or in a sentence why there is none. Never raises.

    An object that has left the spool gives "" and no picture.
    """
    try:
        if not spool.is_undamaged(sha256):
            return DAMAGED
        content = MAKERS[kind](spool.path_of(sha256))
    except Exception as error:  # noqa: BLE001  the page says that there is no picture
        return _reason(error)
    try:
        previews.keep(sha256, kind, content)
    except OSError:
        return NO_ROOM
    return ""


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return ""
        case RejectedInstanceError():
            text = str(error)
            return f"{text[0].upper()}{text[1:]}."
        case MemoryError():
            return NO_MEMORY
        case _:
            return UNEXPECTED


def main(spool_dir: str, preview_dir: str) -> None:
    """Answer jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which ends this process
    spool = Spool(Path(spool_dir))
    previews = Previews(Path(preview_dir), spool, largest_bytes=0)
    for line in sys.stdin:
        job = json.loads(line)
        answer = make(spool, previews, job["sha256"], PictureKind(job["kind"]))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
