"""Who sends by STOW-RS: a token of the settings stands for a calling AE title.

HTTP has no calling AE title, but results are routed, calibrated and counted by it
(docs/decisions/0033). Sources: RFC 6750 section 2.1 (Bearer), RFC 7617 (Basic).
"""

import base64
import binascii
import hmac
from collections.abc import Collection, Sequence

from screening.errors import SettingsError
from screening.settings import StowClient
from screening.transport.secret_file import read_secret

ANYBODY = "STOW-RS"
"""The calling AE title of whoever sends where the settings name no client."""
SHORTEST_TOKEN = 16
"""In characters: shorter ones can be guessed."""
CHALLENGE = 'Bearer, Basic realm="screening", charset="UTF-8"'


class Senders:
    """The clients that may send, and the calling AE title of each."""

    def __init__(self, clients: Sequence[StowClient], allowed: Collection[str]) -> None:
        """Read the tokens once; allowed: calling AE titles that may send, all where empty.

        Raises SettingsError where a client's token cannot be read, is short or another's, and
        where a client may not send.
        """
        self._clients = clients
        self.asks = bool(clients)
        """Whether senders must name themselves."""
        titles = [client.ae_title for client in clients] or [ANYBODY]
        left_out = sorted(set(titles) - set(allowed)) if allowed else []
        if left_out:
            raise SettingsError(
                f"stow_clients: expected calling AE titles that allowed_calling_ae_titles names, "
                f"found {', '.join(left_out)}; add them there"
            )
        tokens = [_token(client) for client in clients]
        if len(set(tokens)) < len(tokens):
            raise SettingsError("stow_clients: expected a token for each client, found one twice")

    def title_of(self, authorization: str) -> str | None:
        """Return the calling AE title for a request's Authorization; None where it has no right.

        A client sends its token as a bearer token, or as the password of its AE title.
        Raises SettingsError where a token cannot be read any more.
        """
        if not self._clients:
            return ANYBODY
        given = _given(authorization)
        if given is None:
            return None
        user, token = given
        found = None
        for client in self._clients:  # all of them, so that the time tells nothing
            is_theirs = hmac.compare_digest(_token(client).encode(), token.encode())
            if is_theirs and user in {None, client.ae_title}:
                found = client.ae_title
        return found


def _token(client: StowClient) -> str:
    token = read_secret(client.token_file)
    if len(token) < SHORTEST_TOKEN:
        raise SettingsError(
            f"expected a token of at least {SHORTEST_TOKEN} characters in {client.token_file}, "
            "found fewer; write a random one (openssl rand -hex 32)"
        )
    return token


def _given(authorization: str) -> tuple[str | None, str] | None:
    """Return user and token, None where there is none; a bearer token names no user."""
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer" and credentials:
        return None, credentials
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    user, colon, token = decoded.partition(":")
    return (user, token) if colon else None
