"""What files of one package register is found by name, when a name is first looked up."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from screening.delivery.registry import Registry, UnknownNameError

FILE = """
from shop_of_tests import FRUITS, Fruit
FRUITS.register(Fruit({name!r}))
"""
SHOP = """
from dataclasses import dataclass
from screening.delivery.registry import Registry

@dataclass
class Fruit:
    name: str

FRUITS = Registry("fruit", "fruits_of_tests")
"""


@dataclass(frozen=True, slots=True)
class Fruit:
    """Something with a name."""

    name: str


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package's folder with two files that register a fruit each."""
    (tmp_path / "shop_of_tests.py").write_text(SHOP)
    folder = tmp_path / "fruits_of_tests"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in ("pear", "apple"):
        (folder / f"{name}_file.py").write_text(FILE.format(name=name))
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget the modules of other tests."""
    for module in [one for one in sys.modules if one.split(".")[0].endswith("_of_tests")]:
        del sys.modules[module]


@pytest.mark.usefixtures("shop")
def test_files_are_imported_when_a_name_is_looked_up() -> None:
    """And not before: what nobody chooses costs nothing."""
    import shop_of_tests  # type: ignore[import-not-found]

    assert "fruits_of_tests.pear_file" not in sys.modules
    assert shop_of_tests.FRUITS.named("pear").name == "pear"
    assert shop_of_tests.FRUITS.names() == ["apple", "pear"]
    assert [one.name for one in shop_of_tests.FRUITS.all()] == ["apple", "pear"]


@pytest.mark.usefixtures("shop")
def test_an_unknown_name_is_told_with_those_there_are() -> None:
    """Whoever misspelt it need not look further."""
    import shop_of_tests

    with pytest.raises(UnknownNameError, match="expected a fruit: apple, pear; found 'peer'"):
        shop_of_tests.FRUITS.named("peer")


def test_two_of_one_name_are_refused(shop: Path) -> None:
    """Which of them is used must not hang on the order of files."""
    (shop / "another_file.py").write_text(FILE.format(name="pear"))
    import shop_of_tests

    with pytest.raises(ValueError, match="expected one fruit named pear, found two"):
        shop_of_tests.FRUITS.names()


def test_what_is_registered_from_elsewhere_is_there_too() -> None:
    """Files need not lie in the package."""
    registry: Registry[Fruit] = Registry("fruit", "screening.delivery_kinds")
    registry.register(Fruit("pear"))
    assert registry.named("pear") == Fruit("pear")
