"""A kind of delivery made up for tests, in one file, by the recipe of CONTRIBUTING: HTTP POST."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import Field

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import (
    KINDS,
    Answer,
    Check,
    DestinationKind,
    Ending,
    Site,
    StoredReport,
)
from screening.delivery.rendering import Rendering

TAKEN, LATER, SILENT, REFUSED, NOT_LET_IN = "taken", "later", "silent", "refused", "not let in"
OUTCOMES: Mapping[str, Ending] = {
    TAKEN: Ending.DELIVERED,
    LATER: Ending.RETRY,
    SILENT: Ending.RETRY,
    REFUSED: Ending.REFUSED,
    NOT_LET_IN: Ending.PAUSED,
}
STATUSES: Sequence[tuple[range, str]] = (
    (range(200, 300), TAKEN),
    (range(401, 402), NOT_LET_IN),
    (range(400, 500), REFUSED),
    (range(600), LATER),
)
"""The first range that holds a status applies."""


class WebhookSettings(DestinationSettings):
    """A server that takes reports by POST."""

    url: str = Field(pattern=r"^https?://")
    timeout_s: float = Field(10, gt=0, le=30)
    profile: str = "made_up"


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Posts each report under its UID, by which the server knows one that comes again."""

    settings: WebhookSettings
    media_type: str

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Post them one by one."""
        for report in reports:
            headers = {"Content-Type": self.media_type, "Idempotency-Key": report.sop_instance_uid}
            status = self._status("POST", report.content, headers)
            if status is None:
                yield Answer(SILENT, "", self._silence)
                continue
            outcome = next(outcome for statuses, outcome in STATUSES if status in statuses)
            yield Answer(outcome, str(status), HTTPStatus(status).phrase)

    def test(self) -> Iterator[Check]:
        """Ask what the server allows."""
        status = self._status("OPTIONS", None, {})
        if status is None:
            yield Check("reachable", passed=False, message=self._silence)
            return
        yield Check("reachable", passed=True, message=f"{self.settings.url} answers")
        yield Check("accepted", passed=status in range(200, 300), message=f"status {status}")

    @property
    def _silence(self) -> str:
        return f"{self.settings.url} cannot be reached; see whether it runs"

    def _status(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> int | None:
        request = urllib.request.Request(
            self.settings.url, data=body, method=method, headers=dict(headers)
        )
        try:
            with urllib.request.urlopen(request, timeout=self.settings.timeout_s) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return None


def _connect(chosen: WebhookSettings, rendering: Rendering, site: Site) -> WebhookSender:
    del site
    return WebhookSender(chosen, rendering.media_type)


KINDS.register(
    DestinationKind(
        name="post",
        meaning="HTTP POST to a server",
        settings=WebhookSettings,
        media_types=None,
        outcomes=OUTCOMES,
        connect=_connect,
    )
)
