"""The settings that a running station follows when the settings file changes.

Environment variables cannot change while a process runs: what one says needs a restart, and so do
all settings but those of `screening.settings.FOLLOWED`.
"""

from screening.errors import SettingsError
from screening.logs import get_logger
from screening.settings import (
    FOLLOWED,
    Settings,
    config_path,
    load_settings,
    overridden_in_file,
)

log = get_logger()


class FollowedSettings:
    """The settings in force, looked at again from time to time."""

    def __init__(self, settings: Settings) -> None:
        """Start with the settings that the process was started with."""
        self.settings = settings
        self._content = _file_content()
        self._read = _loaded() or settings

    def look_again(self) -> bool:
        """Read the file where it has changed; return whether a followed setting has.

        A file that cannot be used is logged, and the settings stay as they are, as they do while
        there is none.
        """
        content = _file_content()
        if content is None or content == self._content:
            return False
        self._content = content
        read = _loaded()
        if read is None:
            return False
        before, self._read = self._read, read
        changed = {
            name for name in Settings.model_fields if getattr(before, name) != getattr(read, name)
        }
        _say_what_needs_a_restart(changed - FOLLOWED)
        update = {name: getattr(read, name) for name in changed & FOLLOWED}
        self.settings = self.settings.model_copy(update=update)
        return bool(update)


def _say_what_needs_a_restart(changed: set[str]) -> None:
    if changed:
        log.warning("settings_need_restart", settings=sorted(changed))
    if overridden := sorted(FOLLOWED & set(overridden_in_file())):
        log.warning(
            "settings_overridden",
            settings=overridden,
            reason="an environment variable says otherwise, and wins until a restart without it",
        )


def _loaded() -> Settings | None:
    try:
        return load_settings()
    except SettingsError as error:
        log.warning("settings_not_taken", reason=str(error))
        return None


def _file_content() -> bytes | None:
    """Return what the file holds; None where it is away, as between an editor's two steps."""
    try:
        path = config_path()
        return path.read_bytes() if path else None
    except (SettingsError, OSError):
        return None
