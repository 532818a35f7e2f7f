"""The password file: what it holds, who may read it, and what is refused."""

from pathlib import Path

import pytest

from screening.domain.roles import Role
from screening.errors import SettingsError
from screening.worklist.access.users import (
    User,
    UsersFile,
    check_name,
    check_password,
    hash_password,
    password_fits,
    read_users,
    write_users,
)

PASSWORD = "seven green lungs"  # noqa: S105  of nobody


@pytest.fixture(scope="module")
def ann() -> User:
    """Return a user with a real hash."""
    return User("ann", Role.OPERATOR, hash_password(PASSWORD))


def test_what_is_written_is_read(tmp_path: Path, ann: User) -> None:
    """Names, roles and hashes survive; the file is for its owner alone and holds no password."""
    path = tmp_path / "users"
    write_users(path, [ann])
    assert read_users(path) == {"ann": ann}
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


def test_a_group_that_may_read_the_file_still_may_after_a_change(tmp_path: Path, ann: User) -> None:
    """The site's choice of mode is kept, but never one for everybody."""
    path = tmp_path / "users"
    write_users(path, [ann])
    path.chmod(0o640)
    write_users(path, [ann])
    assert path.stat().st_mode & 0o777 == 0o640


def test_only_the_right_password_fits(ann: User) -> None:
    """Another password, no user, and a hash of another kind do not."""
    assert password_fits(ann, PASSWORD)
    assert not password_fits(ann, PASSWORD + " ")
    assert not password_fits(None, PASSWORD)
    assert not password_fits(User("ann", Role.READER, "$argon2id$broken"), PASSWORD)


def test_a_hash_is_argon2id_with_a_salt_of_its_own(ann: User) -> None:
    """Two hashes of one password differ; 64 MiB and three passes at least (RFC 9106 section 4)."""
    assert hash_password(PASSWORD) != ann.password_hash
    assert ann.password_hash.startswith("$argon2id$v=19$m=65536,t=3,")
    assert ann.password_hash not in repr(ann)


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("short", "expected 12 to 1024 characters, found 5"),
        ("x" * 1025, "found 1025"),
        ("Ann and more of it", "without the user's name"),
        ("121212121212", "the same few characters"),
    ],
)
def test_a_weak_password_is_refused_and_not_repeated(password: str, complaint: str) -> None:
    """The message says what was expected."""
    with pytest.raises(SettingsError, match=complaint) as refused:
        check_password("ann", password)
    assert password not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-ann", "x" * 65, "ann\n", "änn"])
def test_a_name_that_the_file_cannot_hold_is_refused(name: str) -> None:
    """A colon or a line's end would make another user of it."""
    with pytest.raises(SettingsError, match="expected a name of 1 to 64"):
        check_name(name)


@pytest.mark.parametrize(
    "line",
    ["ann", "ann:reader", "ann:admin:$argon2id$x", "ann:reader:secret", ":reader:$argon2id$x"],
)
def test_a_wrong_line_is_named_by_number_and_not_repeated(tmp_path: Path, line: str) -> None:
    """It may hold a password that somebody typed there."""
    path = tmp_path / "users"
    path.write_text(f"# comment\n\n{line}\n")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"users, line 3: expected name:role:hash") as wrong:
        read_users(path)
    assert line not in str(wrong.value)


def test_a_user_who_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of two lines counts is never guessed."""
    path = tmp_path / "users"
    path.write_text("ann:reader:$argon2id$a\nann:operator:$argon2id$b\n")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="found one twice"):
        read_users(path)


def test_a_file_open_to_everybody_is_refused(tmp_path: Path, ann: User) -> None:
    """Hashes can be guessed at by whoever has them."""
    path = tmp_path / "users"
    write_users(path, [ann])
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod o="):
        read_users(path)


def test_an_absent_or_unreadable_file_is_named_with_what_makes_one(tmp_path: Path) -> None:
    """The command that writes it stands in the message."""
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(SettingsError, match="screening users add"):
            read_users(path)


def test_a_change_counts_at_once(tmp_path: Path, ann: User) -> None:
    """A user who was added is there, one who was removed is not, and a broken file holds nobody."""
    path = tmp_path / "users"
    write_users(path, [ann])
    file = UsersFile(path)
    assert set(file.users()) == {"ann"}
    write_users(path, [ann, User("bob", Role.READER, ann.password_hash)])
    assert set(file.users()) == {"ann", "bob"}
    path.write_text("broken\n")
    for _ in range(2):
        with pytest.raises(SettingsError):
            file.users()
    path.unlink()
    with pytest.raises(SettingsError):
        file.users()
