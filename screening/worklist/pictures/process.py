"""Holds one rendering process: starts it, gives it a job, and ends it where it does not answer."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from screening.spool.previews import PictureKind

MODULE = "screening.worklist.pictures.renderer"
ENDED = "Decoding this image ends the decoder. Open it in another viewer."
TOO_SLOW = "Decoding this image takes too long. Open it in another viewer."
_END_TIMEOUT_S = 5


def renderer_command(spool_dir: Path, preview_dir: Path) -> list[str]:
    """Return the command of a rendering process for a spool and a folder of pictures."""
    return [sys.executable, "-m", MODULE, str(spool_dir), str(preview_dir)]


class RendererProcess:
    """One rendering process, for one caller at a time; it starts with the first job.

    command: what it runs, such as `renderer_command` returns.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, unless it runs. Raises OSError."""
        if self._process is not None and self._process.poll() is None:
            return
        self.end()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def make(self, sha256: str, kind: PictureKind, *, timeout_s: float) -> str:
        """Have one picture made and kept; return "", or in a sentence why there is none.

        A process that ends, or takes longer than timeout_s, is replaced at the next job.
        Raises OSError where none can be started.
        """
        self.start()
        process = self._process
        assert process is not None  # noqa: S101  started above
        assert process.stdin is not None  # noqa: S101  a pipe
        job = json.dumps({"sha256": sha256, "kind": kind})
        try:
            process.stdin.write(job.encode() + b"\n")
            process.stdin.flush()
            line = _line(process, timeout_s)
        except BrokenPipeError:
            line = b""
        if line is None or not line.endswith(b"\n"):
            self.end()
            return TOO_SLOW if line is None else ENDED
        return str(json.loads(line))

    def end(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(_END_TIMEOUT_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes | None:
    """Return the next line, less where the process ended, None where it took too long."""
    assert process.stdout is not None  # noqa: S101  a pipe
    descriptor, found = process.stdout.fileno(), b""
    until_s = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0.0, until_s - time.monotonic())):
                return None
            part = os.read(descriptor, 65536)
            if not part:
                break
            found += part
    return found
