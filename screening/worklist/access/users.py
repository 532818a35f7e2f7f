"""The password file: who may log in to the page, as what, and their passwords' hashes.

One user a line, `name:role:hash`; empty lines and lines that start with # are passed over. Hashes
are argon2id in the form `$argon2id$...`. Source: RFC 9106 sections 3.1 and 4.
"""

import os
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from screening.domain.roles import PAGE_ROLES, Role
from screening.errors import SettingsError
from screening.whole_files import whole_path

SHORTEST_PASSWORD = 12
"""Characters; length matters more than the kinds of characters (NIST SP 800-63B 3.1.1)."""
LONGEST_PASSWORD = 1024
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_WORLD = 0o007
_HASHER = PasswordHasher(type=Type.ID)
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class User:
    """One line of the file. The hash is kept out of `repr`."""

    name: str
    role: Role
    password_hash: str = field(repr=False)


def hash_password(password: str) -> str:
    """Return an argon2id hash with its salt and costs (64 MiB, three passes)."""
    return _HASHER.hash(password)


@cache
def _nobodys_hash() -> str:
    """Return a hash to compare with for an unknown user, so that the response takes as long."""
    return hash_password(uuid.uuid4().hex)


def password_fits(user: User | None, password: str) -> bool:
    """Return whether this is the user's password; takes as long without a user. Costs 64 MiB."""
    try:
        _HASHER.verify(user.password_hash if user else _nobodys_hash(), password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return user is not None


def check_name(name: str) -> str:
    """Return a user's name that the file can hold; raises SettingsError for another."""
    if not NAME_PATTERN.fullmatch(name):
        raise SettingsError(
            "user: expected a name of 1 to 64 letters, digits, dots, dashes, underscores or @, "
            "starting with a letter or digit, found something else"
        )
    return name


def check_password(name: str, password: str) -> str:
    """Return a password that is not easily guessed; raises SettingsError for another."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise SettingsError(
            f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, found "
            f"{len(password)}; several words make a good password"
        )
    if name.lower() in password.lower() or len(set(password)) < SHORTEST_PASSWORD // 2:
        raise SettingsError(
            "password: expected one without the user's name and not the same few characters "
            "again and again, found one with them; choose another"
        )
    return password


def read_users(path: Path) -> dict[str, User]:
    """Return the users of a file by name.

    Raises SettingsError where there is no file, everybody on the machine may read it, or a line is
    wrong. Lines are named by number, never repeated.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & _WORLD:
                raise SettingsError(
                    f"{path}: expected a file that only its owner and group may read, found one "
                    "open to everybody; chmod o= it"
                )
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(
            f"{path}: expected the password file, found none that can be read ({reason}); make it "
            "with `screening users add NAME` as the user that runs the page"
        ) from None
    users = [_user(path, number, line) for number, line in _user_lines(lines)]
    by_name = {user.name: user for user in users}
    if len(by_name) != len(users):
        raise SettingsError(f"{path}: expected each user once, found one twice; remove a line")
    return by_name


def write_users(path: Path, users: Iterable[User]) -> None:
    """Replace the file as a whole, readable by its owner alone at first; keeps an older one's mode.

    Raises SettingsError where it cannot be written.
    """
    try:
        mode = path.stat().st_mode & 0o770 if path.exists() else 0o600
        with whole_path(path) as unfinished:
            descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  of a descriptor
                os.fchmod(file.fileno(), mode)
                file.writelines(f"{u.name}:{u.role}:{u.password_hash}\n" for u in users)
    except OSError as error:
        raise SettingsError(
            f"{path}: expected a file that can be written, found: {error.strerror}; "
            "correct SCREENING_WEB_USERS_FILE or the folder's permissions"
        ) from None


class UsersFile:
    """The users as the file has them now; it is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._users: Mapping[str, User] = {}

    def users(self) -> Mapping[str, User]:
        """Return the users by name.

        Raises SettingsError like `read_users`; nobody is let in then.
        """
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = None
        if seen is None or seen != self._seen:
            self._users = read_users(self._path)
            self._seen = seen
        return self._users


def _user_lines(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _user(path: Path, number: int, line: str) -> User:
    name, *rest = line.split(":", _FIELDS - 1)
    if (
        len(rest) == _FIELDS - 1
        and NAME_PATTERN.fullmatch(name)
        and rest[0] in PAGE_ROLES
        and rest[1].startswith("$argon2id$")
    ):
        return User(name, Role(rest[0]), rest[1])
    raise SettingsError(
        f"{path}, line {number}: expected name:role:hash with role reader or operator and an "
        "argon2id hash, found something else; `screening users add` writes such lines"
    )
