"""How long a login lasts, and how often a password may be guessed."""

import pytest

from screening.domain.roles import Role
from screening.worklist.access.attempts import MOST_FAILURES, MOST_KEYS, WINDOW_S, FailedAttempts
from screening.worklist.access.sessions import MOST_SESSIONS, Sessions
from screening.worklist.access.users import User

ANN = User("ann", Role.READER, "$argon2id$")


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return them."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands."""
    return Clock()


def test_a_login_lasts_its_time_and_no_longer(clock: Clock) -> None:
    """Asking does not make it longer."""
    sessions = Sessions(60, clock)
    token = sessions.begin(ANN)
    clock.now_s += 59
    assert sessions.find(token) == ANN
    clock.now_s += 1
    assert sessions.find(token) is None


def test_a_login_ends_on_request_and_others_go_on(clock: Clock) -> None:
    """Each login has a token of its own, and an unknown token is nobody's."""
    sessions = Sessions(60, clock)
    first, second = sessions.begin(ANN), sessions.begin(ANN)
    sessions.end(first)
    sessions.end("unknown")
    assert (sessions.find(first), sessions.find(second)) == (None, ANN)
    assert sessions.find("unknown") is None


def test_tokens_are_long_and_not_kept(clock: Clock) -> None:
    """256 bits at random; what the process holds does not let anybody in."""
    sessions = Sessions(60, clock)
    tokens = {sessions.begin(ANN) for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43
    assert not tokens & set(sessions._sessions)


def test_logins_take_limited_room(clock: Clock) -> None:
    """The oldest ends where there are too many."""
    sessions = Sessions(60, clock)
    first = sessions.begin(ANN)
    last = [sessions.begin(ANN) for _ in range(MOST_SESSIONS)][-1]
    assert (sessions.find(first), sessions.find(last)) == (None, ANN)


def fail(attempts: FailedAttempts, times: int, address: str, user: str) -> None:
    """Count failures."""
    for _ in range(times):
        attempts.count(address, user)


def test_one_user_from_one_address_waits_after_five_failures(clock: Clock) -> None:
    """Others, and this user from elsewhere, do not; after the window it is over."""
    attempts = FailedAttempts(clock)
    fail(attempts, 4, "10.0.0.1", "ann")
    assert attempts.wait_s("10.0.0.1", "ann") == 0
    clock.now_s += 100
    fail(attempts, 1, "10.0.0.1", "ann")
    assert attempts.wait_s("10.0.0.1", "ann") == WINDOW_S - 100
    assert attempts.wait_s("10.0.0.1", "bob") == 0
    assert attempts.wait_s("10.0.0.2", "ann") == 0
    clock.now_s += WINDOW_S - 100
    assert attempts.wait_s("10.0.0.1", "ann") == 0


def test_an_address_that_tries_many_names_waits(clock: Clock) -> None:
    """Whatever name is tried next."""
    attempts = FailedAttempts(clock)
    for number in range(MOST_FAILURES["address"]):
        assert attempts.wait_s("10.0.0.1", f"user{number}") == 0
        attempts.count("10.0.0.1", f"user{number}")
    assert attempts.wait_s("10.0.0.1", "ann") > 0


def test_an_ipv6_site_is_one_address(clock: Clock) -> None:
    """A site has 2**64 addresses to try from (RFC 6177)."""
    attempts = FailedAttempts(clock)
    fail(attempts, 5, "2001:db8::1", "ann")
    assert attempts.wait_s("2001:db8::2", "ann") > 0
    assert attempts.wait_s("2001:db8:0:1::1", "ann") == 0


def test_a_user_tried_from_many_addresses_waits_late(clock: Clock) -> None:
    """Guessing from a thousand machines is slowed down too, but one machine locks nobody out."""
    attempts = FailedAttempts(clock)
    for number in range(MOST_FAILURES["user"]):
        attempts.count(f"10.0.{number // 4}.1", "ann")
    assert attempts.wait_s("10.9.9.9", "ann") > 0


def test_a_success_forgets_the_users_failures_but_not_the_address(clock: Clock) -> None:
    """Knowing one password does not let an address guess others without end."""
    attempts = FailedAttempts(clock)
    fail(attempts, 5, "10.0.0.1", "ann")
    attempts.forget("10.0.0.1", "ann")
    assert attempts.wait_s("10.0.0.1", "ann") == 0
    for number in range(MOST_FAILURES["address"] - 5):
        attempts.count("10.0.0.1", f"user{number}")
        attempts.forget("10.0.0.1", "ann")
    assert attempts.wait_s("10.0.0.1", "bob") > 0


def test_counts_take_limited_room(clock: Clock) -> None:
    """Names and addresses without end do not fill the memory."""
    attempts = FailedAttempts(clock)
    for number in range(MOST_KEYS):
        attempts.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"user{number}")
    assert len(attempts._failures) <= MOST_KEYS
