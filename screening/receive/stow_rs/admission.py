"""Which requests are served, as a whole, before any of their payload is read.

| refused | status |
|---|---|
| nobody is asked who they are, and the request came by another name than this machine's | 403 |
| nobody is asked, and the request came through a proxy | 403 |
| from an address that may not send, or past the proxy | 403 |
| without the token of a client that may send | 401 |
| an answer in DICOM JSON is not accepted | 406 |
| the path's study is no UID | 400 |
| too little space in the spool | 503 |
| as many requests as may be are served | 503 |
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from screening.domain.instance import fault_of_uid
from screening.errors import OutOfSpaceError, SettingsError
from screening.logs import get_logger
from screening.receive.connections.places import Places
from screening.receive.stow_rs.answers import DICOM_JSON, Answer, problem
from screening.receive.stow_rs.senders import CHALLENGE, Senders
from screening.transport.addresses import AddressList
from screening.transport.reached import FORWARDING_HEADERS, is_own_name

_TAKEN_FOR_JSON = ("*/*", "application/*", DICOM_JSON, "application/json")
log = get_logger()


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may send."""

    senders: Senders
    addresses: AddressList
    own_names: frozenset[str]
    """By which alone the service is reached where it asks nobody who they are."""
    places: Places
    """For requests that are served at once."""
    require_space: Callable[[], None]
    """Raises OutOfSpaceError where the spool is over its watermark."""

    def enter(self, request: Request, study: str) -> str | Answer:
        """Take a place and return the calling AE title of the sender, or return why not.

        study: of the request's path; "": none.
        """
        title = self._title(request)
        refused = title if isinstance(title, Answer) else self._refused(request, study)
        return refused or title

    def leave(self) -> None:
        """Give the place back."""
        self.places.give_back()

    def _title(self, request: Request) -> str | Answer:
        """Return who sends, or why they may not."""
        if not self.senders.asks and not is_own_name(request.url.hostname or "", self.own_names):
            return problem(
                403,
                "this service asks nobody who they are and is for this machine alone: use "
                "http://localhost, or set SCREENING_STOW_CLIENTS",
            )
        if not self.senders.asks and any(one in request.headers for one in FORWARDING_HEADERS):
            return problem(
                403,
                "this service asks nobody who they are and was reached through a proxy: set "
                "SCREENING_STOW_CLIENTS and SCREENING_STOW_TRUSTED_PROXIES",
            )
        if not self.addresses.allows(request.client.host if request.client else ""):
            return problem(403, "this address may not send here")
        try:
            title = self.senders.title_of(request.headers.get("authorization", ""))
        except SettingsError as error:
            log.error("stow_clients_unreadable", reason=str(error))  # noqa: TRY400  no traceback
            return problem(503, "the tokens of those who may send cannot be read; see the log here")
        if title is None:
            text = "expected the token of a client that may send, found none or another"
            return problem(401, text, {"WWW-Authenticate": CHALLENGE})
        return title

    def _refused(self, request: Request, study: str) -> Answer | None:
        accepted = request.headers.get("accept", "*/*").split(",")
        if not any(one.partition(";")[0].strip().lower() in _TAKEN_FOR_JSON for one in accepted):
            return problem(406, f"expected {DICOM_JSON} to be accepted: there is no other answer")
        if study and fault_of_uid(study):
            return problem(400, "expected a Study Instance UID in the path, found no UID")
        try:
            self.require_space()
        except OutOfSpaceError:
            return problem(503, "too little space in the spool; come again later")
        if not self.places.take():
            return problem(503, "as many requests are served as may be at once; come again")
        return None
