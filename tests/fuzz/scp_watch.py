"""Looks at a running SCP from outside: it lives, answers, and keeps nothing of its peers."""

import json
import time
from collections.abc import Iterator

from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.verification import answers_echo
from tests.fuzz.measured import Held, cpu_s, held_by
from tests.sites.site import Site

STATION = "receive"
ECHO_S = 30.0
ECHOES = 2
"""Asked so often before it counts: a machine with other work stops now and then."""
SETTLED_S = 30.0
"""From the last connection's end; nothing that a peer starts goes on longer without it."""
POLL_S = 0.05
SETTLING_S = 2.0
"""Until what peers did before has ended."""
BAD_EVENTS = frozenset(
    {
        "connection_failed",
        "refusal_not_recorded",
        "association_not_recorded",
        "commitment_not_recorded",
        "broker_unavailable",
    }
)
UNEXPECTED = ("0x0110", "0xC211")
"""Statuses of errors that nobody thought of: ours and pynetdicom's."""


class ScpWatch:
    """One SCP process of a site, from now on."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._read_characters = len(site.log(STATION))
        self.process = site.processes[STATION]
        port = int(site.variables["SCREENING_SCP_PORT"])
        self._scp = DicomDestination("scp", "127.0.0.1", port, "SCREENING", "FUZZ")
        self._incoming = site.settings.spool_dir / "incoming"
        time.sleep(SETTLING_S)
        self.begin = self.held()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def cpu_s(self) -> float:
        """The CPU time it has taken so far; 0 where it is dead."""
        return cpu_s(self.process.pid) if self.is_alive else 0.0

    def held(self) -> Held:
        """Return what the process has now."""
        return held_by(self.process.pid)

    def faults(self) -> list[str]:
        """Wait until it has settled, and return what is wrong with it."""
        if not self.is_alive:
            return [f"the SCP ended with {self.process.returncode}"]
        answers = any(answers_echo(self._scp, timeout_s=ECHO_S) for _ in range(ECHOES))
        faults = [] if answers else ["C-ECHO was not answered"]
        deadline = time.monotonic() + SETTLED_S
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return faults + left + sorted(set(self._logged()))

    def _left(self) -> list[str]:
        """Return what is still there of its peers."""
        left = self.begin.grown_to(self.held())
        if any(self._incoming.iterdir()):
            left.append("half an object is left")
        return left

    def _logged(self) -> Iterator[str]:
        """Yield what it has logged since that it should not have to."""
        said = self._site.log(STATION)[self._read_characters :]
        self._read_characters += len(said)
        for line in said.splitlines():
            yield from words_of_log(line)


def words_of_log(line: str) -> Iterator[str]:
    """Yield what a line of an SCP's log says of an error that nobody thought of, if it does."""
    try:
        told = json.loads(line)
    except ValueError:
        yield "a line of the log is no event"
        return
    event = str(told.get("event"))
    if told.get("level") in {"error", "critical"} or event in BAD_EVENTS:
        yield f"logged {event}"
    elif told.get("status") in UNEXPECTED:
        yield f"logged {event} {told['status']} {told.get('reason')}"
