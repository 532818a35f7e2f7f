"""Back-off: waits double up to a limit, and those of many rows are spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.domain.backoff import BACKOFFS, Backoff, Retried
from screening.settings import BACKOFF_SETTINGS, Settings, load_settings


@given(
    attempts=st.integers(0, 2000),
    first_s=st.floats(0.01, 100),
    longest_s=st.floats(0.01, 10_000),
)
def test_waits_double_up_to_the_longest(attempts: int, first_s: float, longest_s: float) -> None:
    """Between half and the whole of the doubled wait, never beyond the longest."""
    wait_s = Backoff(first_s, longest_s).wait_s(attempts)
    ceiling = min(longest_s, first_s * 2.0 ** min(500, max(0, attempts - 1)))
    assert ceiling / 2 <= wait_s <= ceiling


def test_waits_of_many_rows_are_spread() -> None:
    """Jitter: rows that failed together do not come back together."""
    assert len({Backoff(10, 600).wait_s(1) for _ in range(50)}) > 40


def test_without_jitter_the_waits_are_exact() -> None:
    """What waits alone has nobody to be spread from."""
    backoff = Backoff(first_s=1, longest_s=5, jitter=0)
    assert [backoff.wait_s(failures) for failures in range(5)] == [1, 1, 2, 4, 5]


@pytest.mark.parametrize("retried", Retried)
def test_every_retry_has_its_limits(retried: Retried) -> None:
    """The defaults of the settings are those of the table."""
    backoff = BACKOFFS[retried]
    assert 0 < backoff.first_s <= backoff.longest_s
    assert 0 <= backoff.jitter <= 1
    if retried in BACKOFF_SETTINGS:
        first, longest = (Settings.model_fields[name].default for name in BACKOFF_SETTINGS[retried])
        assert (first, longest) == (backoff.first_s, backoff.longest_s)


def test_a_site_may_set_some_of_the_limits() -> None:
    """Those that BACKOFF_SETTINGS names, and no others."""
    settings = load_settings(retry_first_s=1.0, retry_longest_s=8.0, breaker_longest_s=30.0)
    assert settings.backoff(Retried.DELIVERY) == Backoff(1, 8)
    assert settings.backoff(Retried.PROBE) == Backoff(1, 30)
    assert settings.backoff(Retried.REPORT) == BACKOFFS[Retried.REPORT]
