"""Damaged conversations with a real SCP process, several at once, and a look at it between."""

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.conversation import Conversation, decoded, encoded, play
from tests.fuzz.findings import Findings, corpus_of
from tests.fuzz.guide import Row
from tests.fuzz.objects import made_objects
from tests.fuzz.pdu_edits import damaged_conversations
from tests.fuzz.recording import SENDER, record
from tests.fuzz.scp_watch import STATION, ScpWatch
from tests.peers.hostile_peer import connects
from tests.sites.site import Site, running_site, wait_until

NAME = "pdus"
AT_ONCE = 16
BETWEEN_LOOKS = 96
LOOKS = 5
START_S = 1200.0
"""On a machine that has other things to do."""
SMALL_BYTES = 6000
SETTINGS = {
    "SCREENING_MAX_HALF_OPEN_PER_ADDRESS": "64",
    "SCREENING_ARTIM_TIMEOUT_S": "3",
    "SCREENING_MAX_OBJECT_MIB": "1",
    "SCREENING_UPS_PEERS": f'[{{"ae_title": "{SENDER}"}}]',
}


class PduFuzz:
    """One SCP, the conversations recorded with it, and what is made of them."""

    def __init__(self, site: Site, findings: Findings) -> None:
        self._site = site
        self._findings = findings
        self._port = int(site.variables["SCREENING_SCP_PORT"])
        self.recorded: list[Conversation] = []
        self._start()
        self.recorded = record(self._port, site.folder)
        self._watch = self._warmed()
        self.inputs = 0
        self._spent_s = 0.0
        small = [content for content in made_objects() if len(content) < SMALL_BYTES]
        self._damaged = damaged_conversations(self.recorded, small)

    @property
    def cpu_s(self) -> float:
        """CPU time of the SCP and of this process so far."""
        return self._spent_s + self._watch.cpu_s + time.process_time()

    def replay(self) -> None:
        """Try what once found something, one file after the other."""
        for path in corpus_of(NAME):
            self._try(decoded(path.read_bytes()))

    def some(self, inputs: int, begin: int) -> None:
        """Try so many conversations; the same beginning makes the same ones."""
        made: list[Conversation] = []

        @seed(begin)
        @settings(
            max_examples=inputs,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(self._damaged)
        def make(conversation: Conversation) -> None:
            made.append(conversation)

        make()
        for at in range(0, len(made), BETWEEN_LOOKS):
            self._try(made[at : at + BETWEEN_LOOKS])

    def row(self, used_s: float) -> Row:
        """Return what it came to."""
        begin, now = self._watch.begin, self._watch.held()
        reached = (
            f"from {len(self.recorded)} recorded; SCP: threads {begin.threads} to {now.threads}, "
            f"files {begin.files} to {now.files}, {begin.mib:.0f} to {now.mib:.0f} MiB"
        )
        found = tuple(self._findings.of(NAME))
        return Row(NAME, "hypothesis", self.inputs, reached, used_s / 60, found)

    def _try(self, conversations: Sequence[Conversation]) -> None:
        faults = self._faults(conversations)
        if faults and len(conversations) > 1:
            self._narrow(conversations, faults)
        elif faults:
            self._note(conversations, faults)

    def _narrow(self, conversations: Sequence[Conversation], faults: list[str]) -> None:
        """Find which one it was, with an SCP of its own; else note them all."""
        for conversation in conversations:
            if alone := self._faults([conversation]):
                self._note([conversation], alone)
                return
        self._note(conversations, faults)

    def _note(self, conversations: Sequence[Conversation], faults: list[str]) -> None:
        for words in faults:
            self._findings.add(NAME, ".json", words, encoded(conversations))

    def _faults(self, conversations: Sequence[Conversation]) -> list[str]:
        self._say(conversations)
        self.inputs += len(conversations)
        if faults := self._watch.faults():
            self._spent_s += self._watch.cpu_s
            self._site.kill(STATION)
            self._start()
            self._watch = self._warmed()
        return faults

    def _say(self, conversations: Sequence[Conversation]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as peers:
            list(peers.map(partial(play, port=self._port), conversations))

    def _warmed(self) -> ScpWatch:
        """Look at the SCP from when it has made what is made at first use."""
        self._say(self.recorded * AT_ONCE)
        return ScpWatch(self._site)

    def _start(self) -> None:
        self._site.start(STATION)
        wait_until(lambda: connects(self._port), "the SCP to listen", START_S)


def pdus_for(folder: Path, findings: Findings, budget_s: float) -> Row:
    """Replay the corpus and fuzz for so much CPU time."""
    with _pdu_fuzz(folder, findings) as fuzz:
        begin_s = fuzz.cpu_s
        fuzz.replay()
        for number in itertools.count():
            used_s = fuzz.cpu_s - begin_s
            if used_s > budget_s:
                break
            fuzz.some(BETWEEN_LOOKS * LOOKS, number)
        return fuzz.row(used_s)


def some_pdus(folder: Path, findings: Findings, *, inputs: int) -> Row:
    """Replay the corpus and try so many conversations, the same ones every time."""
    with _pdu_fuzz(folder, findings) as fuzz:
        begin_s = fuzz.cpu_s
        fuzz.replay()
        fuzz.some(inputs, 0)
        return fuzz.row(fuzz.cpu_s - begin_s)


@contextmanager
def _pdu_fuzz(folder: Path, findings: Findings) -> Iterator[PduFuzz]:
    with running_site(folder, bundle_dir=folder / "bundles", **SETTINGS) as site:
        yield PduFuzz(site, findings)
