"""A reduced radiograph, rendered in a process of its own.

A report worker runs for months, and what a decoder does to a process is not its business.
"""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from screening.errors import ReportNotPossibleError
from screening.imaging.rendering.render import render

REDUCED_PIXELS = 640
"""Rows or columns, whichever are more, at most."""
TIMEOUT_S = 60


def reduced_radiograph(path: Path) -> bytes:
    """Return the first frame of a DICOM file as `render` makes it, reduced, as an 8-bit grey PNG.

    Raises ReportNotPossibleError where it cannot be rendered, or takes longer than TIMEOUT_S.
    """
    command = [sys.executable, "-m", __name__, str(path)]
    try:
        made = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        made = None
    if made is None or made.returncode or not made.stdout:
        raise ReportNotPossibleError(
            "expected an image that can be rendered, found one that cannot, or takes longer than "
            f"{TIMEOUT_S} s; look at it in another viewer"
        )
    return made.stdout


def main(path: str) -> None:
    """Write the PNG to standard output."""
    picture = Image.fromarray(render(Path(path)).pixels)
    picture.thumbnail((REDUCED_PIXELS, REDUCED_PIXELS), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "PNG")
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
