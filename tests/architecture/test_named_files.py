"""Files, names and tables that the documents speak of are there."""

import ast
import re
from pathlib import Path

import pytest

from screening.db.tables.schema import metadata
from tests.architecture.test_documents import DOCUMENTS, document, section, table_rows
from tests.architecture.test_modules import relative, repository_files

ROOT = Path(__file__).parents[2]
FILE_IN_TEXT = re.compile(r"`((?:[\w-]+/)+[\w-]+\.(?:py|html|css|js|md|toml|yaml))(?:::\w+)?`")
FOLDER_IN_TEXT = re.compile(
    r"`((?:screening|training|tests|alembic|deploy|docs)(?:/[\w-]+)*)/?(?:\.\.\.)?`"
)
PLACEHOLDER = "NAME"
QUESTIONS = 12


def names_of(path: Path) -> set[str]:
    """Return the names that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_where_is_what_names_files_and_what_they_define() -> None:
    """Each question of the architecture page has one file, which defines the name beside it."""
    text = section(document("docs/architecture.md"), "## Where is what").split("The folders:")[0]
    rows = table_rows(text)
    assert len(rows) >= QUESTIONS
    for question, file, name in rows:
        path = ROOT / file.split("`")[1]
        assert path.is_file(), question
        assert set(re.findall(r"`(\w+)`", name)) <= (
            names_of(path) if path.suffix == ".py" else set()
        ), question
        assert path.suffix == ".py" or "](../CONTRIBUTING.md#" in file, question


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_only_files_that_exist(path: Path) -> None:
    """A file or folder in a document is one of the repository, from its root or a package's."""
    text = path.read_text(encoding="utf-8")
    files = [f"/{relative(file)}" for file in repository_files()]
    unknown = {
        name
        for name in FILE_IN_TEXT.findall(text)
        if PLACEHOLDER not in name and not any(file.endswith(f"/{name}") for file in files)
    }
    unknown |= {
        name
        for name in FOLDER_IN_TEXT.findall(text)
        if not any(file.startswith(f"/{name}/") for file in files)
    }
    assert unknown == set()


def test_links_to_a_heading_find_it() -> None:
    """The part of a link behind the # is a heading of the page, as GitHub makes its address."""
    lost = {
        f"{path.relative_to(ROOT)}: {file}#{heading}"
        for path in DOCUMENTS
        for file, heading in re.findall(
            r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", path.read_text(encoding="utf-8")
        )
        if heading not in headings(path if not file else path.parent / file)
    }
    assert lost == set()


def headings(path: Path) -> set[str]:
    """Return the addresses of a page's headings."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_architecture_page_lists_every_table() -> None:
    """The tables of the database are those of the page, but for the migrations' own."""
    rows = table_rows(section(document("docs/architecture.md"), "## Tables"))
    assert {row[0].strip("`") for row in rows} == set(metadata().tables)
