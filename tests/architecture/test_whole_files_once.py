"""Files are put in their place, and their bytes digested, by `screening.whole_files` alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("screening", "training", "deploy")
HERE = "screening/whole_files.py"
CALLS = {"fsync", "fdatasync", "rename", "renames", "mkstemp", "NamedTemporaryFile", "file_digest"}


def own_ways(source: str) -> Iterator[int]:
    """Yield the lines at which a module syncs, renames or digests a file by itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, given = node.func.attr, len(node.args) + len(node.keywords)
        owner = ast.unparse(node.func.value)
        is_of_path = owner == "os" or (given == 1 and not node.keywords)
        if name in CALLS or (name == "replace" and is_of_path):
            yield node.lineno


def test_it_is_done_in_one_place() -> None:
    """A temporary file, fsync, rename, fsync of the folder: once, so that none forgets one."""
    found = {
        f"{name}:{line}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (name := path.relative_to(ROOT).as_posix()) != HERE
        for line in own_ways(path.read_text(encoding="utf-8"))
    }
    assert found == set(), "use screening.whole_files"


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("os.fsync(file.fileno())", True),
        ("os.replace(a, b)", True),
        ("unfinished.replace(path)", True),
        ("Path(name).rename(path)", True),
        ("tempfile.mkstemp(dir=folder)", True),
        ('hashlib.file_digest(file, "sha256")', True),
        ('text.replace("a", "b")', False),
        ("value.replace(tzinfo=UTC)", False),
        ("replace(row, state=1)", False),
        ("hashlib.sha256(content)", False),
    ],
)
def test_each_way_is_seen(code: str, *, is_seen: bool) -> None:
    """And what only looks like it is left alone."""
    assert list(own_ways(code)) == [1] * is_seen
