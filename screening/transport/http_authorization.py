"""How a request says who sends it: Basic, a bearer token of a file, OAuth 2.0 client credentials.

Sources: RFC 7617 (Basic), RFC 6750 (Bearer), RFC 6749 sections 2.3.1 and 4.4.
"""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from screening.errors import SettingsError
from screening.transport.http_client import HttpClient, host_of
from screening.transport.secret_file import read_secret

RENEWED_BEFORE_S = 30.0
"""A token that ends sooner than this is not used any more."""
UNSTATED_LIFE_S = 300.0
"""Where the server does not say how long a token lasts."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class NotLetInError(Exception):
    """The server that gives tokens gave none; the message says what to do."""


class Authorization(Protocol):
    """Gives the value of the header Authorization."""

    def value(self, client: HttpClient) -> str:
        """Return it. Raises SettingsError, NotLetInError, NoAnswerError."""
        ...

    def forget(self) -> bool:
        """Forget what was kept, since it was refused; return whether anything was."""
        ...


@dataclass(frozen=True, slots=True)
class BasicAuthorization:
    """A user's name, and the file of the password."""

    user: str
    password_file: Path

    def value(self, client: HttpClient) -> str:
        """Return both, encoded."""
        del client
        return f"Basic {_basic(self.user, read_secret(self.password_file))}"

    def forget(self) -> bool:
        """Nothing is kept."""
        return False


@dataclass(frozen=True, slots=True)
class BearerAuthorization:
    """The file of a token."""

    token_file: Path

    def value(self, client: HttpClient) -> str:
        """Return what the file says now."""
        del client
        token = read_secret(self.token_file)
        if not _TOKEN.fullmatch(token):
            raise SettingsError(
                f"expected a bearer token in {self.token_file} (RFC 6750 section 2.1), "
                "found other characters; write the token alone"
            )
        return f"Bearer {token}"

    def forget(self) -> bool:
        """Nothing is kept."""
        return False


@dataclass(slots=True)
class OAuthAuthorization:
    """Asks an authorization server for tokens, and keeps one while it lasts."""

    token_url: str
    client_id: str
    client_secret_file: Path
    scope: str = ""
    _token: str = field(default="", repr=False)
    _ends_at: float = 0.0

    def value(self, client: HttpClient) -> str:
        """Return the token that is kept, or a new one."""
        if not self._token or time.monotonic() > self._ends_at - RENEWED_BEFORE_S:
            self._renew(client)
        return f"Bearer {self._token}"

    def forget(self) -> bool:
        """Have the next request ask for a new token."""
        was_kept, self._token = bool(self._token), ""
        return was_kept

    def _renew(self, client: HttpClient) -> None:
        secret = read_secret(self.client_secret_file)
        asked = {
            "grant_type": "client_credentials",
            **({"scope": self.scope} if self.scope else {}),
        }
        answer = client.request(
            "POST",
            self.token_url,
            {
                "Authorization": f"Basic {_basic(quote_plus(self.client_id), quote_plus(secret))}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            urlencode(asked).encode(),
        )
        token, life_s = _granted(answer.body)
        if answer.status != 200 or not token:  # noqa: PLR2004  RFC 6749 section 5.1
            self._token = ""
            raise NotLetInError(
                f"expected a token of {host_of(self.token_url)}, found status {answer.status}"
                f"{_reason(answer.body)}; see client id, secret and scope there"
            )
        self._token, self._ends_at = token, time.monotonic() + life_s


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _granted(body: bytes) -> tuple[str, float]:
    """Return token and life in seconds; "" where the answer grants none that can be used."""
    said = _object(body)
    token, kind, life_s = (said.get(k) for k in ("access_token", "token_type", "expires_in"))
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return "", 0.0
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "", 0.0
    if not isinstance(life_s, int | float) or life_s <= 0:
        return token, UNSTATED_LIFE_S
    return token, float(life_s)


def _reason(body: bytes) -> str:
    """Return the error code of RFC 6749 section 5.2, which is a word, in brackets."""
    code = _object(body).get("error")
    is_word = isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code)
    return f" ({code})" if is_word else ""


def _object(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
