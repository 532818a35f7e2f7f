"""What senders over HTTP have in common: credentials, a second try with a new token, silence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from screening.delivery.http_entry import HttpDestinationSettings
from screening.delivery.kind import Answer, Site, StoredReport
from screening.errors import SettingsError
from screening.transport.http_authorization import (
    Authorization,
    BasicAuthorization,
    BearerAuthorization,
    NotLetInError,
    OAuthAuthorization,
)
from screening.transport.http_client import (
    HttpAnswer,
    HttpClient,
    HttpServer,
    NoAnswerError,
    NoConnectionError,
    http_client,
)
from screening.transport.secret_file import read_secret
from screening.transport.tls import client_context

NO_ANSWER, UNREACHABLE, NO_CREDENTIALS = "no answer", "unreachable", "no credentials"
"""Outcomes that every kind over HTTP has in its table."""
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class HttpRule:
    """Statuses from `first` to `last`, both included, and what they mean for a report."""

    first: int
    last: int
    outcome: str
    meaning: str


def rule_of(status: int, rules: Sequence[HttpRule]) -> HttpRule:
    """Return the first rule that holds a status; the last of them holds all."""
    return next(rule for rule in rules if rule.first <= status <= rule.last)


@dataclass(frozen=True, slots=True)
class HttpRequester:
    """Sends requests with credentials."""

    server: HttpServer
    authorization: Authorization | None

    @contextmanager
    def connected(self) -> Iterator[HttpClient]:
        """Yield a client for requests one after another."""
        with http_client(self.server) as client:
            yield client

    def ask(
        self,
        client: HttpClient,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpAnswer | Answer:
        """Return what was answered, or how the attempt ended where nothing was.

        A token that is kept and refused is replaced once.
        """
        try:
            answer = client.request(method, url, self._with_credentials(client, headers), body)
            if answer.status == UNAUTHORIZED and self.authorization and self.authorization.forget():
                answer = client.request(method, url, self._with_credentials(client, headers), body)
        except NoConnectionError as error:
            return Answer(UNREACHABLE, "", str(error))
        except NoAnswerError as error:
            return Answer(NO_ANSWER, "", str(error))
        except (NotLetInError, SettingsError) as error:
            return Answer(NO_CREDENTIALS, "", str(error))
        return answer

    def _with_credentials(self, client: HttpClient, headers: Mapping[str, str]) -> dict[str, str]:
        if self.authorization is None:
            return dict(headers)
        return {**headers, "Authorization": self.authorization.value(client)}


def sent_one_by_one(
    requester: HttpRequester,
    reports: Sequence[StoredReport],
    sent: Callable[[HttpClient, StoredReport], Answer],
) -> Iterator[Answer]:
    """Yield the answer to each report; without a connection, the same to all that follow."""
    with requester.connected() as client:
        for place, report in enumerate(reports):
            answer = sent(client, report)
            yield answer
            if answer.outcome == UNREACHABLE:
                yield from [answer] * (len(reports) - place - 1)
                return


def requester(chosen: HttpDestinationSettings, site: Site) -> HttpRequester:
    """Return what sends to a destination. Raises SettingsError where its files are not right."""
    context = client_context(site.credentials) if chosen.uses_tls else None
    server = HttpServer(chosen.timeout_s, context, chosen.tls_server_name)
    return HttpRequester(server, _authorization(chosen))


def _authorization(chosen: HttpDestinationSettings) -> Authorization | None:
    match chosen.authentication:
        case "basic":
            return BasicAuthorization(chosen.user, _readable(chosen.password_file))
        case "bearer":
            return BearerAuthorization(_readable(chosen.token_file))
        case "oauth":
            return OAuthAuthorization(
                chosen.oauth_token_url,
                chosen.oauth_client_id,
                _readable(chosen.oauth_client_secret_file),
                chosen.oauth_scope,
            )
    return None


def _readable(path: Path | None) -> Path:
    """Return a secret's file. Raises SettingsError where it is not right."""
    if path is None:
        raise SettingsError("expected the file of a secret, found none")
    read_secret(path)
    return path
