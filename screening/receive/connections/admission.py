"""Who gets an association."""

import threading
from collections.abc import Callable, Collection

from screening.dimse.rejections import Refused
from screening.errors import OutOfSpaceError
from screening.receive.connections.places import Places


class Admission:
    """Accepts or rejects association requests, and counts the accepted ones until they end."""

    def __init__(
        self,
        *,
        calling_ae_titles: Collection[str],
        called_ae_title: str | None,
        places: Places,
        require_space: Callable[[], None],
    ) -> None:
        """Take the rules; an empty list, and a called AE title of None, let everybody in."""
        self._calling_ae_titles = frozenset(calling_ae_titles)
        self._called_ae_title = called_ae_title
        self._places = places
        self._require_space = require_space
        self._inside: set[object] = set()
        self._lock = threading.Lock()

    def enter(self, key: object, *, calling_ae_title: str, called_ae_title: str) -> Refused | None:
        """Accept an association under `key`, or return why not."""
        if self._calling_ae_titles and calling_ae_title not in self._calling_ae_titles:
            return Refused.CALLING_AE_TITLE
        if self._called_ae_title not in {None, called_ae_title}:
            return Refused.CALLED_AE_TITLE
        try:
            self._require_space()
        except OutOfSpaceError:
            return Refused.TOO_LITTLE_SPACE
        with self._lock:
            if not self._places.take():
                return Refused.TOO_MANY_ASSOCIATIONS
            self._inside.add(key)
        return None

    def leave(self, key: object) -> None:
        """Free the place of an association; without one, do nothing."""
        with self._lock:
            if key in self._inside:
                self._inside.discard(key)
                self._places.give_back()
