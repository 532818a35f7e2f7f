"""A peer that was told is not told again because the database does not take the record."""

import pytest

from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.domain.commitment import CommitmentAnswer, CommitmentRequested, SopReference
from screening.receive.commitment_scp import reporter as commitment_reporter
from screening.receive.commitment_scp.reporter import CommitmentReporter
from screening.receive.commitment_scp.requests import add_request
from screening.settings import Peer, load_settings
from screening.spool.store import Spool
from screening.storage_scu.destination import DicomDestination
from tests.contract.test_deliveries import without_events
from tests.rows.stored import COMPUTED_RADIOGRAPHY, NOON

ASKED = CommitmentRequested("2.25.1", (SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.1"),))


def test_an_answer_that_cannot_be_recorded_is_given_once(
    database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database takes claims and no record; once it does, the request is settled."""
    told = []

    def tell(peer: DicomDestination, answer: CommitmentAnswer) -> int:
        told.append((peer.name, answer.transaction_uid))
        return 0x0000

    monkeypatch.setattr(commitment_reporter, "report_commitment", tell)
    peers = (Peer(host="cr1", port=104, ae_title="CR1"),)
    settings = load_settings(commitment_peers=peers)
    reporter = CommitmentReporter(settings, database, spool)
    request_id = add_request(database, "CR1", ASKED)
    with without_events(database):
        for _ in range(3):
            reporter._tell("CR1")
            let_the_lease_run_out(database, request_id)
        assert told == [("CR1", "2.25.1")]
    reporter._tell("CR1")
    assert told == [("CR1", "2.25.1")]
    with database.read() as session:
        assert session.get_one(PeerCommitmentRequest, request_id).state == "reported"


def let_the_lease_run_out(database: Database, request_id: int) -> None:
    """Bring the request to where it may be claimed again."""
    with database.write() as session:
        session.get_one(PeerCommitmentRequest, request_id).not_before = NOON
