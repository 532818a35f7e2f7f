"""Searches of the last hours: an address names one by a random text, never by what was searched.

What is searched names people, and addresses end up in logs and in browsers' histories. So the text
comes in a form, stays in this process, and is forgotten with it.
"""

import secrets
import threading
from collections import OrderedDict

from screening.worklist.studies.criteria import SelectionError

LONGEST_TEXT = 64
MOST_SEARCHES = 2000
_TOKEN_BYTES = 16
ENDED = "expected a search of the last hours, found another; search again"


class Searches:
    """The texts of recent searches; for threads. The one unused longest is forgotten first."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, text: str) -> str:
        """Return the name of a search for a text. Raises SelectionError where it is too long."""
        text = text.strip()
        if len(text) > LONGEST_TEXT:
            raise SelectionError(
                f"expected a search of at most {LONGEST_TEXT} characters, found {len(text)}; "
                "shorten it"
            )
        name = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            self._texts[name] = text
            while len(self._texts) > MOST_SEARCHES:
                self._texts.popitem(last=False)
        return name

    def text_of(self, name: str) -> str:
        """Return the text of a search, "" for "". Raises SelectionError for one that has ended."""
        if not name:
            return ""
        with self._lock:
            if name not in self._texts:
                raise SelectionError(ENDED)
            self._texts.move_to_end(name)
            return self._texts[name]
