"""Private parts of libraries are touched in the places that are named here, and nowhere else."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.architecture.test_modules import ROOT, python_modules, relative

OURS = ("screening", "training", "tests", "alembic")
GUARDS = "screening/dimse/"
"""The package that may know how pynetdicom works inside: decision 0013."""
PUBLIC_MODULES = {
    "pynetdicom",
    "pynetdicom.association",
    "pynetdicom.dimse_primitives",
    "pynetdicom.dsutils",
    "pynetdicom.events",
    "pynetdicom.pdu",
    "pynetdicom.presentation",
    "pynetdicom.service_class",
    "pynetdicom.sop_class",
}
"""What the others may import of pynetdicom, to use and not to build on."""
PROVIDERS = {"acse", "dimse", "dul", "event_queue", "msg_queue", "state_machine", "to_user_queue"}
"""What an association of pynetdicom's is made of."""
BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}
NO_OTHER_WAY: Mapping[tuple[str, str], str] = {
    (
        "screening/db/derived/upkeep.py",
        "_values",
    ): "SQLAlchemy says not which columns an UPDATE sets",
    (
        "screening/imaging/quiet.py",
        "patches dataset.tag_in_exception",
    ): "pydicom repeats an "
    "error's text at every sequence that it passes: a few kilobytes would cost gigabytes",
    ("screening/doorbell/celery_worker.py", "patches state.should_stop"): "how Celery's own signal "
    "handlers have a worker stop",
    ("screening/doorbell/worker.py", "os._exit"): "documented, in spite of its name",
    (
        "screening/receive/processes/watching.py",
        "os._exit",
    ): "documented, in spite of its name: how a forked process ends",
    (
        "screening/networks/openvino_layout.py",
        "openvino._offline_transformations: _offline_transformations",
    ): "OpenVINO's converters simplify a graph by this; it has no public name",
}
"""By module and what it touches: why."""


def touched(source: str) -> list[str]:
    """Return what a module touches of the insides of other people's libraries."""
    tree = ast.parse(source)
    foreign = _foreign_names(tree)
    return [
        what
        for node in ast.walk(tree)
        for what in (*_private_imports(node), *_private_attributes(node), *_patches(node, foreign))
    ]


def _private_imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and not node.level and not _is_ours(node.module or ""):
        parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        yield from (f"{node.module}: {part}" for part in parts if _is_private(part))
    elif isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names if not _is_ours(alias.name)]
        yield from (name for name in dotted if any(map(_is_private, name.split("."))))


def _private_attributes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(attr=name, value=holder) if _is_private(name) and not _is_own(holder):
            yield ast.unparse(node)
        case ast.Call(func=ast.Name(id=function), args=[holder, ast.Constant(value=str(name)), *_]):
            if function in BY_NAME and _is_private(name) and not _is_own(holder):
                yield name


def _patches(node: ast.AST, foreign: set[str]) -> Iterator[str]:
    """Yield what is assigned or deleted in a module or class of a library."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            yield from _patched(targets, foreign)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield from _patched([target], foreign)
        case ast.Call(func=ast.Name(id=function), args=[holder, ast.Constant(value=name), *_]):
            if function in {"setattr", "delattr"} and _root(holder) in foreign:
                yield f"patches {ast.unparse(holder)}.{name}"


def built_on(source: str) -> list[str]:
    """Return what a module builds on of pynetdicom: its inner modules, providers and classes."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pynetdicom"
        for alias in node.names
    }
    return [what for node in ast.walk(tree) for what in _inner_parts(node, names)]


def _inner_parts(node: ast.AST, names: set[str]) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "pynetdicom":
            if module not in PUBLIC_MODULES:
                yield module
        case ast.Import(names=imported):
            dotted = [alias.name for alias in imported]
            yield from (name for name in dotted if name.split(".")[0] == "pynetdicom")
        case ast.ClassDef(bases=bases):
            yield from (ast.unparse(base) for base in bases if _root(base) in names)
        case ast.Attribute(attr=name) if name in PROVIDERS:
            yield ast.unparse(node)


def _foreign_names(tree: ast.Module) -> set[str]:
    """Return the names that a module binds by importing from a library that is not Python's own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            others = [alias for alias in node.names if _can_be_patched(alias.name)]
            found |= {(alias.asname or alias.name).split(".")[0] for alias in others}
        elif isinstance(node, ast.ImportFrom) and _can_be_patched(node.module or "."):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _patched(targets: list[ast.expr], foreign: set[str]) -> Iterator[str]:
    """Yield the targets that lie in a module or class of a library."""
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _patched(target.elts, foreign)
        elif isinstance(target, ast.Attribute) and _root(target) in foreign:
            yield f"patches {ast.unparse(target)}"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in OURS


def _can_be_patched(module: str) -> bool:
    """Return whether it is a library's; Python's own hooks are there to be set."""
    return module.split(".", maxsplit=1)[0] not in {*OURS, "", *sys.stdlib_module_names}


def _is_own(node: ast.expr) -> bool:
    """Return whether a private attribute is of `self`, `cls` or `super()`."""
    is_super = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return _root(node.func if is_super else node) in {"self", "cls", "super"} and not isinstance(
        node, ast.Attribute
    )


def program() -> list[Path]:
    """Return the modules of the program: tests may look into what they test."""
    return [path for path in python_modules() if relative(path).split("/")[0] != "tests"]


def test_private_parts_of_libraries_are_left_alone() -> None:
    """Private attributes, private imports and patched libraries: in the guards' package alone."""
    found = {
        (relative(path), what)
        for path in program()
        if not relative(path).startswith(GUARDS)
        for what in touched(path.read_text(encoding="utf-8"))
    }
    assert found == NO_OTHER_WAY.keys()


def test_nothing_is_built_on_pynetdicom_but_the_guards() -> None:
    """Its classes are subclassed, and its providers used, in one package alone."""
    found = {
        relative(path): built_on(path.read_text(encoding="utf-8"))
        for path in program()
        if not relative(path).startswith(GUARDS)
    }
    assert {path: what for path, what in found.items() if what} == {}


def test_the_guards_are_where_they_are_said_to_be() -> None:
    """Else the two tests above would look past nothing."""
    for name in ("guarded_dul", "guarded_dimse", "guarded_socket", "acceptor", "requestor"):
        assert (ROOT / GUARDS / f"{name}.py").is_file()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from pynetdicom import _config", ["pynetdicom: _config"]),
        ("from pynetdicom._globals import MODE_ACCEPTOR", ["pynetdicom._globals: _globals"]),
        ("import celery._state", ["celery._state"]),
        ("association._server = self", ["association._server"]),
        ("self.socket._shutdown_socket()", ["self.socket._shutdown_socket"]),
        ("connections()[0]._closed", ["connections()[0]._closed"]),
        ("getattr(request, '_dataset_file', None)", ["_dataset_file"]),
        ("setattr(request, '_dataset_path', 1)", ["_dataset_path"]),
        ("import keras\nkeras.backend.epsilon = 1", ["patches keras.backend.epsilon"]),
        ("import keras as k\nk.a, other = 1, 2", ["patches k.a"]),
        ("from pynetdicom import dul\ndul.Timer = None", ["patches dul.Timer"]),
        ("from x import y\ndel y.z", ["patches y.z"]),
        ("from x import y\nsetattr(y.Z, 'w', 1)", ["patches y.Z.w"]),
        ("import sys\nsys.excepthook = None", []),
        ("self._own = 1\ncls._own\nsuper()._own()\nself.__dict__\nother.public = 1", []),
        ("from screening.db import clock\nfrom . import _near", []),
    ],
)
def test_what_touches_a_library_inside_is_seen(source: str, found: list[str]) -> None:
    """Each way in is found, and what is one's own is not."""
    assert touched(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from pynetdicom.dul import DULServiceProvider", ["pynetdicom.dul"]),
        ("import pynetdicom.transport", ["pynetdicom.transport"]),
        ("from pynetdicom import AE\nclass Entity(AE): ...", ["AE"]),
        ("from pynetdicom import association as a\nclass B(a.Association): ...", ["a.Association"]),
        ("association.dimse.send_msg(request, 1)", ["association.dimse"]),
        ("event.assoc.dul.socket.close()", ["event.assoc.dul"]),
        ("from pynetdicom import AE, evt\nAE().start_server(evt_handlers=[])", []),
    ],
)
def test_what_builds_on_pynetdicom_is_seen(source: str, found: list[str]) -> None:
    """Each way to depend on how it works is found, and what its documents offer is not."""
    assert built_on(source) == found
