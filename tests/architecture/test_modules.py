"""Rules on the files themselves: size, names, what domain may import, what must not be there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST_MODULE_LINES = 300
LARGER_ON_PURPOSE = {
    "alembic/versions/0001_first_schema.py": "the whole first schema, generated, never edited",
    "alembic/versions/0004_studies_and_totals.py": "views before and after, and what fills tables",
    "screening/settings.py": "every setting with its meaning, and the one reader of their sources",
    "tests/integration/test_storage_scu.py": "one scenario after another against real peers",
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "core", "misc", "base"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work(?!list)|home/[a-z]|root/|Users/[A-Z])[\w/.-]*")
ADDRESS = re.compile(r"https?://\S+|--(?:extra-)?index-url\b|--find-links\b")
REQUIREMENTS = (
    "requirements.txt",
    "requirements-stations.txt",
    "requirements-openvino.txt",
    "requirements-dev.txt",
)
SPELL_THE_PATTERNS = {"tests/architecture/test_modules.py"}


def repository_files() -> list[Path]:
    """Return the files that are in the repository, or will be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: the repository's files are not known")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def python_modules() -> list[Path]:
    """Return the Python files of the repository."""
    return [path for path in repository_files() if path.suffix == ".py"]


def relative(path: Path) -> str:
    """Return a path as the repository names it."""
    return path.relative_to(ROOT).as_posix()


def test_modules_are_short() -> None:
    """A module has at most 300 lines, but for those named with a reason."""
    long = {
        relative(path)
        for path in python_modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > LARGEST_MODULE_LINES
    }
    assert long <= LARGER_ON_PURPOSE.keys(), "split these, or name them with a reason"
    assert long >= LARGER_ON_PURPOSE.keys(), "these are short by now: drop the exception"


def test_module_names_say_what_is_inside() -> None:
    """No module or package has a name that anything fits into."""
    vague = [
        relative(path)
        for path in python_modules()
        if VAGUE_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}
    ]
    assert vague == []


def test_alembic_is_no_package() -> None:
    """alembic/__init__.py would hide the library of that name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_domain_imports_only_the_standard_library() -> None:
    """The rules of the domain run anywhere: standard library and domain, nothing else."""
    foreign = {
        f"{relative(path)}: {name}"
        for path in python_modules()
        if relative(path).startswith("screening/domain/")
        for name in imported_modules(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith("screening.domain")
    }
    assert foreign == set()


def imported_modules(path: Path) -> set[str]:
    """Return the modules a file imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_locked_requirements_name_no_address(name: str) -> None:
    """Every package is pinned with hashes, and none says where to download it."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert ADDRESS.findall(text) == []
    pinned = re.findall(
        r"^\S+==\S+(?: ; [^\\]+)? \\\n +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
    )
    assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) > 0


def test_no_file_names_a_place_of_one_machine() -> None:
    """A path that exists on one developer's machine says nothing to anybody else."""
    found = [
        f"{relative(path)}: {match}"
        for path in repository_files()
        if relative(path) not in SPELL_THE_PATTERNS
        for match in MACHINE_PATH.findall(text_of(path))
    ]
    assert found == []


def text_of(path: Path) -> str:
    """Return a file's text, "" for a binary one."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")
