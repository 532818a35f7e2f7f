"""Destinations follow the settings file; what needs a restart is said to need one."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from screening.followed_settings import FollowedSettings
from screening.settings import Settings, load_settings

ONE = '[[destinations]]\nname = "pacs"\nhost = "pacs"\nport = 104\nae_title = "PACS"\n'
TWO = ONE + ONE.replace('name = "pacs"', 'name = "viewer"')


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a settings file with one destination."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    written = tmp_path / "screening.toml"
    written.write_text(ONE)
    return written


def names(followed: FollowedSettings) -> list[str]:
    """Return the destinations in force."""
    return [one.name for one in followed.settings.destinations]


def test_destinations_follow_the_file(file: Path) -> None:
    """Added, removed, all gone; a look at an unchanged file changes nothing."""
    followed = FollowedSettings(load_settings())
    assert not followed.look_again()
    for text, expected in ((TWO, ["pacs", "viewer"]), (ONE, ["pacs"]), ("\n", [])):
        file.write_text(text)
        assert followed.look_again()
        assert names(followed) == expected
        assert not followed.look_again()


def test_what_the_process_was_told_otherwise_stays(file: Path) -> None:
    """Of what the command line said, and of other settings, nothing moves."""
    followed = FollowedSettings(load_settings(data_dir=Path("given")))
    file.write_text("sweep_interval_s = 3\nreports_folder = false\n" + TWO)
    with capture_logs() as logs:
        assert followed.look_again()
    assert followed.settings.data_dir == Path("given")
    assert followed.settings.sweep_interval_s == Settings().sweep_interval_s
    assert not followed.settings.reports_folder
    assert [(one["event"], one["settings"]) for one in logs] == [
        ("settings_need_restart", ["sweep_interval_s"])
    ]


@pytest.mark.parametrize("text", ["[[destinations]]\nname = 'x'", "no TOML", "spc_port = 1"])
def test_a_file_that_cannot_be_used_changes_nothing(file: Path, text: str) -> None:
    """It is logged once, with what was expected; once mended it counts."""
    followed = FollowedSettings(load_settings())
    file.write_text(text)
    with capture_logs() as logs:
        assert not followed.look_again()
        assert not followed.look_again()
    assert [one["event"] for one in logs] == ["settings_not_taken"]
    assert names(followed) == ["pacs"]
    file.write_text(TWO)
    assert followed.look_again()
    assert names(followed) == ["pacs", "viewer"]


def test_a_variable_that_says_otherwise_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process's environment cannot change: the file is without effect until a restart."""
    monkeypatch.setenv("SCREENING_DESTINATIONS", "[]")
    followed = FollowedSettings(load_settings())
    file.write_text(TWO)
    with capture_logs() as logs:
        assert not followed.look_again()
    assert names(followed) == []
    assert [(one["event"], one["settings"]) for one in logs] == [
        ("settings_overridden", ["destinations"])
    ]


def test_a_file_that_is_replaced_is_not_taken_for_an_empty_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between an editor's two steps there is none for a moment: no destination stops for that."""
    monkeypatch.setenv("SCREENING_CONFIG", str(file))
    followed = FollowedSettings(load_settings())
    file.unlink()
    assert not followed.look_again()
    assert names(followed) == ["pacs"]
    file.write_text(TWO)
    assert followed.look_again()
    assert names(followed) == ["pacs", "viewer"]
