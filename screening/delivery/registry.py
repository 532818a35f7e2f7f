"""What there is to choose from by name: each in a file of its own, found when first needed."""

import threading
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """Whatever is registered has a name."""

    @property
    def name(self) -> str:
        """The name that the settings use."""
        ...


Entry = TypeVar("Entry", bound=Named)


class UnknownNameError(ValueError):
    """Nothing is registered under a name; the message says what is."""


class Registry(Generic[Entry]):
    """Holds what the modules of one package register when they are imported.

    The package is named, not imported: it lies above this one, and settings that choose nothing
    from it cost nothing.
    """

    def __init__(self, what: str, package: str) -> None:
        """Take `what` it holds, in words for messages, and the full name of their `package`."""
        self._what = what
        self._package = package
        self._entries: dict[str, Entry] = {}
        self._lock = threading.RLock()
        self._imported = False

    def register(self, entry: Entry) -> Entry:
        """Add an entry and return it. Raises ValueError where another one has its name."""
        if entry.name in self._entries:
            raise ValueError(f"expected one {self._what} named {entry.name}, found two")
        self._entries[entry.name] = entry  # no lock: another thread's may wait for this import
        return entry

    def named(self, name: str) -> Entry:
        """Return the entry of this name. Raises UnknownNameError, which lists the names."""
        self._import_all()
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(
                f"expected a {self._what}: {', '.join(self.names())}; found {name!r}"
            ) from None

    def all(self) -> list[Entry]:
        """Return every entry, by name."""
        return [self.named(name) for name in self.names()]

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._import_all()
        return sorted(self._entries)

    def _import_all(self) -> None:
        with self._lock:
            if not self._imported:
                for module in iter_modules(import_module(self._package).__path__):
                    import_module(f"{self._package}.{module.name}")
                self._imported = True
