"""What was found: the smallest input for each thing that went wrong, in a folder."""

import hashlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
LARGEST_KEPT_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong, and the smallest input so far that makes it."""

    words: str
    path: Path

    def __str__(self) -> str:
        return f"{self.words} ({self.path.name})"


class Findings:
    """A folder of findings; several processes may add to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def add(self, target: str, suffix: str, words: str, content: bytes) -> None:
        """Keep an input, unless a smaller one is there that does the same."""
        name = f"{target}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"
        kept = self.folder / f"{name}{suffix}"
        if not kept.exists() or len(content) < kept.stat().st_size:
            kept.write_bytes(content)
            self.folder.joinpath(f"{name}.txt").write_text(words, encoding="utf-8")

    def of(self, target: str) -> list[Finding]:
        """Return what was found of one target."""
        return [
            Finding(words.read_text(encoding="utf-8"), self._input(words))
            for words in sorted(self.folder.glob(f"{target}-*.txt"))
        ]

    def _input(self, words: Path) -> Path:
        return next(path for path in self.folder.glob(f"{words.stem}.*") if path != words)


def corpus_of(target: str) -> Iterator[Path]:
    """Yield the inputs that once found something."""
    yield from sorted(path for path in (CORPUS / target).glob("*") if path.suffix != ".md")


def words_of(doing: str, error: BaseException) -> str:
    """Return what happened, and where; never an error's text, which may quote the input."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/screening/" in frame.filename]
    where = [f"{Path(frame.filename).name}:{frame.name}" for frame in (*ours[-1:], *frames[-1:])]
    return f"{doing}: {type(error).__name__} in {' > '.join(dict.fromkeys(where))}"
