"""Whatever a module defines is reached by the program: what tests alone use is no part of it.

Reached is what runs when a module is imported, what a decorator registers, what a text such as
`package.module:name` names, and all that these use in turn.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("screening", "training", "deploy", "alembic")
BY_CONVENTION = "alembic.versions."
"""Modules whose names alembic knows."""
WITHOUT_USE = {"screening.db.tables.schema.MODULES": "importing them registers their tables"}
"""What is there without being reached, and why."""
PASSIVE = {"dataclass", "cache", "lru_cache", "contextmanager", "total_ordering", "unique", "final"}
"""Decorators that hand their function or class to nobody."""
PLACE = re.compile(r"^([\w.]+):(\w+)$")

Name = tuple[str, str]
"""A module and a name in it."""


@dataclass
class Module:
    """One module: what it defines, what it calls things, and what it does when it is imported."""

    name: str
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, Name] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    """Modules by the name that this one gives them."""
    run: list[ast.AST] = field(default_factory=list)
    registered: list[Name] = field(default_factory=list)

    def uses(self, node: ast.AST) -> Iterator[Name]:
        """Yield every name of a module that a piece of this one's code uses."""
        for inner in ast.walk(node):
            match inner:
                case ast.Name(id=name) if name in self.imported:
                    yield self.imported[name]
                case ast.Name(id=name):
                    yield self.name, name
                case ast.Attribute(value=ast.Name() | ast.Attribute() as value, attr=name):
                    if (module := self.modules.get(ast.unparse(value))) is not None:
                        yield module, name
                case ast.Constant(value=str() as text) if found := PLACE.match(text):
                    yield found[1], found[2]


def read_module(path: Path, root: Path) -> Module:
    """Return what one file defines, imports and runs."""
    parts = path.relative_to(root).with_suffix("").parts
    module = Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        _read_import(node, module)
    for statement in _flat(tree.body):
        names = _defined(statement)
        for name in names:
            module.defined[name] = statement
        if not names:
            module.run.append(statement)
        elif _is_registered(statement):
            module.registered += [(module.name, name) for name in names]
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            module.run += statement.decorator_list
    return module


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those in `if TYPE_CHECKING:` and `try:` among them."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            yield from _flat(statement.body)
            yield from _flat(statement.orelse)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target, value=ast.expr()):
            targets = [target]
        case _:
            return []
    names = [node for target in targets for node in ast.walk(target)]
    if not all(isinstance(node, ast.Name | ast.Tuple | ast.Store) for node in names):
        return []
    found = [node.id for node in names if isinstance(node, ast.Name)]
    return [] if any(name.startswith("__") for name in found) else found


def _is_registered(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    called = [one.func if isinstance(one, ast.Call) else one for one in statement.decorator_list]
    return any(ast.unparse(one).rsplit(".", 1)[-1] not in PASSIVE for one in called)


def _read_import(node: ast.AST, module: Module) -> None:
    match node:
        case ast.Import(names=names):
            for alias in names:
                module.modules[alias.asname or alias.name] = alias.name
        case ast.ImportFrom(module=str() as source, names=names):
            for alias in names:
                known = alias.asname or alias.name
                module.imported[known] = (source, alias.name)
                module.modules[known] = f"{source}.{alias.name}"


def unreached(root: Path, packages: tuple[str, ...], entries: set[Name]) -> set[str]:
    """Return what is defined in these packages and reached from nowhere, as `module.name`."""
    modules = {
        module.name: module
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
        for module in [read_module(path, root)]
    }
    to_see = list(entries)
    for module in modules.values():
        to_see += module.registered
        for code in module.run:
            to_see += module.uses(code)
    seen: set[Name] = set()
    while to_see:
        place = to_see.pop()
        known = modules.get(place[0])
        if place in seen or known is None:
            continue
        seen.add(place)
        if place[1] in known.defined:
            to_see += known.uses(known.defined[place[1]])
        elif place[1] in known.imported:
            to_see.append(known.imported[place[1]])
    return {
        f"{module.name}.{name}"
        for module in modules.values()
        for name in module.defined
        if (module.name, name) not in seen and not module.name.startswith(BY_CONVENTION)
    }


def test_nothing_is_there_for_tests_alone() -> None:
    """Functions, classes and constants that the program never reaches are gone.

    And what is listed as there for another reason is not reached by now.
    """
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    scripts = set(re.findall(r'"([\w.]+):(\w+)"', text))
    assert scripts
    assert unreached(ROOT, PACKAGES, scripts) == WITHOUT_USE.keys(), "use these, or remove them"


def test_what_is_unreached_is_seen(tmp_path: Path) -> None:
    """Also where a dead thing alone uses it, or it alone itself; an import is no use."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text(
        "from package import two\nfrom package.two import imported_only, used_by_dead\n"
        "import functools\nLIMIT = 3\nUNUSED = 4\nHANDLER = 'package.two:named'\n"
        "def main(): return LIMIT, two.used, Used, HANDLER\n"
        "def dead(): return dead, used_by_dead\n"
        "@functools.cache\ndef kept(): ...\n"
        "@app.command()\ndef command(): return kept\n"
        "class Used:\n    def method(self): return two.by_method()\n"
        "class Unused: ...\n"
        "main()\n"
    )
    (package / "two.py").write_text(
        "def used(): ...\ndef imported_only(): ...\ndef used_by_dead(): ...\n"
        "def named(): ...\ndef by_method(): ...\ndef entry(): ...\n"
    )
    assert unreached(tmp_path, ("package",), {("package.two", "entry")}) == {
        *("package.one.UNUSED", "package.one.dead", "package.one.Unused"),
        *("package.two.imported_only", "package.two.used_by_dead"),
    }
