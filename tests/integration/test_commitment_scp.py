"""Modalities ask for commitment of what they sent, and are told the truth, wherever they listen."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.sop_class import StorageCommitmentPushModel
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.domain.commitment import SopReference
from screening.imaging.quiet import quiet
from tests.peers.commitment import (
    MODALITY,
    Heard,
    asking,
    information,
    items,
    listening_modality,
    send_action,
    send_report,
    telling,
)
from tests.peers.receiving import Receiver, radiograph, running_receiver
from tests.rows.stored import COMPUTED_RADIOGRAPHY
from tests.services.servers import free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration

KEPT = SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.1.1.1")
UNKNOWN = SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.9")
QUICK: dict[str, Any] = {"sweep_interval_s": 0.2, "retry_first_s": 0.2, "retry_longest_s": 0.5}


def address(port: int) -> list[dict[str, Any]]:
    """Return the setting that says where the modality listens."""
    return [{"ae_title": MODALITY, "host": "127.0.0.1", "port": port}]


def requests(database: Database) -> list[PeerCommitmentRequest]:
    """Return the rows of what was asked."""
    with database.read() as session:
        return list(
            session.scalars(select(PeerCommitmentRequest).order_by(PeerCommitmentRequest.id))
        )


def wait_for_state(database: Database, state: str) -> PeerCommitmentRequest:
    """Wait until the one request is in a state."""
    wait_until(lambda: [row.state for row in requests(database)] == [state], state, 60)
    return requests(database)[0]


def ask_and_go(receiver: Receiver, *references: SopReference, uid: str = "2.25.1") -> None:
    """Ask and release at once."""
    with asking(receiver.peer) as association:
        assert send_action(association, information(uid, references)) == 0x0000


def test_the_answer_comes_on_the_same_association_while_it_is_open(
    tmp_path: Path, migrated_database: Database
) -> None:
    """What was sent is committed, what was not is in the Failed SOP Sequence with 0x0112."""
    heard = Heard()
    with running_receiver(tmp_path, migrated_database, **QUICK) as receiver:
        receiver.send(radiograph())
        with asking(receiver.peer, heard) as association:
            assert send_action(association, information("2.25.1", [KEPT, UNKNOWN])) == 0x0000
            event_type, said = heard.wait()
        row = wait_for_state(migrated_database, "reported")
    assert (event_type, said.TransactionUID) == (2, "2.25.1")
    assert [item.ReferencedSOPInstanceUID for item in said.ReferencedSOPSequence] == [
        KEPT.sop_instance_uid
    ]
    [failed] = said.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("1.2.3.9", 0x0112)
    assert (row.committed, row.failed, row.last_status) == (1, 1, "0x0000")
    assert len(heard.events) == 1


def test_a_modality_that_went_away_is_told_on_a_new_association(
    tmp_path: Path, migrated_database: Database
) -> None:
    """At the address the settings give for its AE title; we are SCP there by role selection."""
    heard = Heard()
    with listening_modality(heard) as port:
        settings = {**QUICK, "commitment_peers": address(port)}
        with running_receiver(tmp_path, migrated_database, **settings) as receiver:
            receiver.send(radiograph())
            ask_and_go(receiver, KEPT)
            event_type, said = heard.wait()
            wait_for_state(migrated_database, "reported")
    assert (event_type, "FailedSOPSequence" in said) == (1, False)
    assert len(heard.events) == 1


def test_a_modality_may_go_on_sending_after_its_request(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Requests of its own between ours and its answer disturb neither."""
    heard = Heard()
    with running_receiver(tmp_path, migrated_database, **QUICK) as receiver:
        with asking(receiver.peer, heard) as association:
            send_action(association, information("2.25.1", [KEPT]))
            for grey in range(10):
                status = association.send_c_store(_data_set(grey))
                assert status.Status == 0x0000
            heard.wait()
            assert association.send_c_store(_data_set(11)).Status == 0x0000
        wait_for_state(migrated_database, "reported")
        assert len(receiver.instances()) == 11


def _data_set(grey: int) -> Dataset:
    from io import BytesIO

    from pydicom import dcmread

    uid = f"1.2.3.1.1.{grey + 100}"
    return dcmread(BytesIO(radiograph(grey=grey, SOPInstanceUID=uid)))


def test_a_modality_that_is_away_is_told_when_it_is_back(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The row waits, over a restart of the SCP as well."""
    port = free_port()
    settings = {**QUICK, "commitment_peers": address(port)}
    with running_receiver(tmp_path, migrated_database, **settings) as receiver:
        receiver.send(radiograph())
        ask_and_go(receiver, KEPT)
        wait_until(
            lambda: "cannot be reached" in (requests(migrated_database)[0].last_message or ""),
            "the first try",
            60,
        )
    heard = Heard()
    with (
        listening_modality(heard, port),
        running_receiver(tmp_path, migrated_database, **settings),
    ):
        heard.wait()
        row = wait_for_state(migrated_database, "reported")
    assert row.attempts > 1


def test_a_modality_without_an_address_waits_for_one(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The row says which setting is missing."""
    with running_receiver(tmp_path, migrated_database, **QUICK) as receiver:
        ask_and_go(receiver, KEPT)
        wait_until(lambda: bool(requests(migrated_database)[0].last_message), "the message", 60)
    row = requests(migrated_database)[0]
    assert row.state == "due"
    assert "SCREENING_COMMITMENT_PEERS does not say where CR1 listens" in (row.last_message or "")


def test_an_association_that_is_cut_before_the_answer_is_made_good(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The modality asks and aborts; it is told on a new association."""
    heard = Heard()
    with listening_modality(heard) as port:
        settings = {**QUICK, "commitment_peers": address(port)}
        with running_receiver(tmp_path, migrated_database, **settings) as receiver:
            with asking(receiver.peer) as association:
                send_action(association, information("2.25.1", [UNKNOWN]))
                association.abort()
            event_type, _ = heard.wait()
            wait_for_state(migrated_database, "reported")
    assert event_type == 2


def test_a_peer_that_fails_to_take_the_answer_is_told_again(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Processing failure is tried again; the next time it takes it."""
    heard = Heard(status=0x0110)
    with listening_modality(heard) as port:
        settings = {**QUICK, "commitment_peers": address(port)}
        with running_receiver(tmp_path, migrated_database, **settings) as receiver:
            ask_and_go(receiver, UNKNOWN)
            heard.wait()
            heard.status = 0x0000
            wait_for_state(migrated_database, "reported")
    assert len(heard.events) > 1


def test_a_used_transaction_uid_is_answered_as_a_duplicate(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Other references under the same UID: every one fails with 0x0131, none is committed."""
    heard = Heard()
    with listening_modality(heard) as port:
        settings = {**QUICK, "commitment_peers": address(port)}
        with running_receiver(tmp_path, migrated_database, **settings) as receiver:
            receiver.send(radiograph())
            ask_and_go(receiver, KEPT)
            ask_and_go(receiver, KEPT, UNKNOWN)
            wait_until(lambda: len(heard.events) == 2, "both answers", 60)
    reasons = [
        item.FailureReason for _, said in heard.events for item in said.get("FailedSOPSequence", ())
    ]
    assert reasons == [0x0131, 0x0131]


def test_requests_that_make_no_sense_are_refused(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Another action, no transaction, no references, a UID that is none: a status, and no row."""
    no_uid = information("2.25.1", [KEPT])
    del no_uid.TransactionUID
    bad_uid = information("2.25.1", [KEPT])
    with quiet():
        bad_uid.ReferencedSOPSequence = items([SopReference(COMPUTED_RADIOGRAPHY, "Doe")])
    with (
        quiet(),
        running_receiver(tmp_path, migrated_database, **QUICK) as receiver,
        asking(receiver.peer) as association,
    ):
        right = information("2.25.1", [KEPT])
        assert send_action(association, right, action_type=2) == 0x0123
        assert send_action(association, no_uid) == 0x0115
        assert send_action(association, information("2.25.1", [])) == 0x0115
        assert send_action(association, bad_uid) == 0x0115
        status, _ = association.send_n_action(right, 1, StorageCommitmentPushModel, "1.2.3")
        assert status.Status == 0x0112
        assert requests(migrated_database) == []


def test_the_answer_to_a_transaction_nobody_began_is_refused(
    tmp_path: Path, migrated_database: Database
) -> None:
    """A destination, or somebody else, tells us of what we did not ask: 0x0115."""
    with (
        running_receiver(tmp_path, migrated_database, **QUICK) as receiver,
        telling(receiver.peer.port) as association,
    ):
        assert send_report(association, 1, information("2.25.1", [KEPT])) == 0x0115


@pytest.mark.parametrize(("scu", "scp"), [(True, False), (False, True), (True, True)])
def test_roles_are_accepted_as_proposed(
    tmp_path: Path, migrated_database: Database, *, scu: bool, scp: bool
) -> None:
    """Peers may be SCU, SCP or both of Storage Commitment on one association."""
    from pynetdicom import build_role

    with running_receiver(tmp_path, migrated_database, **QUICK) as receiver:
        association = AE(MODALITY).associate(
            receiver.peer.host,
            receiver.peer.port,
            contexts=[build_context(StorageCommitmentPushModel)],
            ext_neg=[build_role(StorageCommitmentPushModel, scu_role=scu, scp_role=scp)],
            ae_title=receiver.peer.ae_title,
        )
        [context] = association.accepted_contexts
        association.release()
    assert (context.as_scu, context.as_scp) == (scu, scp)
