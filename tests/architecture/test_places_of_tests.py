"""Tests and what they share lie where CONTRIBUTING says."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.test_modules import python_modules, relative

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(tests/\w+)` \| (.+?) \|", re.MULTILINE)
LARGEST_PACKAGE = 12
"""Modules of a package, its `__init__` apart."""


@pytest.fixture(name="told", scope="module")
def what_contributing_says() -> dict[str, str]:
    """Return what each folder is for, by its name."""
    return dict(ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


def test_contributing_lists_the_folders_that_exist(told: dict[str, str]) -> None:
    """Whoever looks for a test, or for what tests share, finds the folder in one table."""
    assert set(told) == {folder for folder in folders() if folder.count("/") == 1}


def test_each_package_says_what_contributing_says_of_it(told: dict[str, str]) -> None:
    """The first line of a package and its row in the table are the same words."""
    packages = {
        folder: ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text("utf-8")))
        for folder in told
        if (ROOT / folder / "__init__.py").exists()
    }
    assert len(packages) > 1
    assert packages == {
        folder: f"{told[folder][0].upper()}{told[folder][1:]}." for folder in packages
    }


def test_what_tests_share_lies_in_small_packages() -> None:
    """Beside the folders lie the fixtures of every test and nothing else."""
    assert [path.name for path in sorted((ROOT / "tests").glob("*.py"))] == ["conftest.py"]
    sizes = {
        package.parent.name: len(list(package.parent.glob("*.py"))) - 1
        for package in (ROOT / "tests").glob("*/__init__.py")
    }
    assert {name for name, size in sizes.items() if size > LARGEST_PACKAGE} == set()


def test_the_files_to_begin_with_exist() -> None:
    """One that was renamed would begin last again, unseen."""
    conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    named = re.findall(r'"(tests/[\w/]+\.py)"', conftest)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def folders() -> set[str]:
    """Return the folders below tests/ that hold Python files of the repository."""
    names = (relative(path).split("/") for path in python_modules())
    return {"/".join(name[:2]) for name in names if name[0] == "tests" and len(name) > 2}
