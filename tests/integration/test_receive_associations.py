"""Who may talk to the SCP, and about what (PS3.8 7.1, PS3.4 B.3)."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from screening.db.session import Database
from screening.dimse.acceptor_dul import AcceptorDUL
from screening.errors import StartupError
from screening.receive import scp
from screening.receive.scp import running_scp
from screening.storage_scu.association import Context, NotAssociatedError, associate
from screening.storage_scu.objects import identify
from screening.storage_scu.outcomes import Outcome
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver

pytestmark = pytest.mark.integration
ACSE_TIMEOUT_S = 0.3
CR_EXPLICIT = Context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that lets in who calls it by its name and is CR_ROOM_1."""
    with running_receiver(
        tmp_path,
        migrated_database,
        allowed_calling_ae_titles=("CR_ROOM_1", "CR_ROOM_2"),
        require_called_ae_title=True,
        extra_sop_classes=("1.2.840.10008.5.1.4.1.1.1.3",),
    ) as running:
        yield running


def dcmtk(receiver: Receiver, program: str, *arguments: str) -> int:
    """Run a DCMTK program against the SCP and return its exit status."""
    address = [receiver.peer.host, str(receiver.peer.port)]
    command = [program, "-aet", "CR_ROOM_1", "-aec", "SCREENING", *address, *arguments]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode


def test_an_scp_that_is_slow_itself_answers_all_the_same(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where dozens begin at once on a busy machine: the ACSE timeout is for peers, not for us."""
    is_transport_event = AcceptorDUL._is_transport_event

    def come_to_it_late(dul: AcceptorDUL) -> bool:
        if dul.state_machine.current_state == "Sta2":
            time.sleep(5 * ACSE_TIMEOUT_S)
        return is_transport_event(dul)

    monkeypatch.setattr(AcceptorDUL, "_is_transport_event", come_to_it_late)
    monkeypatch.setattr(scp, "ACSE_TIMEOUT_S", ACSE_TIMEOUT_S)
    with running_receiver(tmp_path / "slow", receiver.database) as slow:
        assert slow.send(radiograph())[0].status == SUCCESS


def test_dcmtk_verifies_and_stores(receiver: Receiver, tmp_path: Path) -> None:
    """A sender that is none of ours gets C-ECHO answered and an object stored."""
    file = tmp_path / "radiograph.dcm"
    file.write_bytes(radiograph())
    assert dcmtk(receiver, "echoscu") == 0
    assert dcmtk(receiver, "storescu", str(file)) == 0
    assert [row.calling_ae_title for row in receiver.instances()] == ["CR_ROOM_1"]


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"calling_ae_title": "STRANGER"}, "calling AE title"),
        ({"ae_title": "OTHER"}, "AE title"),
    ],
)
def test_a_stranger_is_rejected(receiver: Receiver, wrong: dict[str, str], advice: str) -> None:
    """Calling AE titles that are not listed, and called ones that are not ours, are rejected."""
    stranger = replace(receiver, peer=replace(receiver.peer, **wrong))
    with pytest.raises(NotAssociatedError) as refused:
        stranger.send(radiograph())
    assert refused.value.outcome is Outcome.REFUSED
    assert "rejected the association" in refused.value.comment
    assert advice in refused.value.comment
    assert receiver.instances() == []
    assert receiver.send(radiograph())[0].status == SUCCESS


@pytest.mark.parametrize(
    ("context", "offered"),
    [
        (CR_EXPLICIT, True),
        (Context(DigitalXRayImageStorageForPresentation, ImplicitVRLittleEndian), True),
        (Context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian), True),
        (Context("1.2.840.10008.5.1.4.1.1.1.3", ExplicitVRLittleEndian), True),
        (Context(CTImageStorage, ExplicitVRLittleEndian), False),
        (Context(ComputedRadiographyImageStorage, DeflatedExplicitVRLittleEndian), False),
        (Context(ComputedRadiographyImageStorage, "1.2.840.10008.1.2.4.100"), False),
    ],
)
def test_contexts_are_what_the_site_takes_and_can_decode(
    receiver: Receiver, context: Context, *, offered: bool
) -> None:
    """Other SOP classes, Deflated (a small object may inflate without end) and video are not."""
    known = Context("1.2.840.10008.1.1", ImplicitVRLittleEndian)
    found = replace(
        identify(radiograph()),
        sop_class_uid=context.sop_class_uid,
        transfer_syntax_uid=context.transfer_syntax_uid,
    )
    with associate(receiver.peer, [known, context]) as association:
        assert (association.context_for(found) is not None) is offered


def test_a_port_that_is_taken_ends_the_start(
    receiver: Receiver, tmp_path: Path, migrated_database: Database
) -> None:
    """The message names the address and what to do."""
    taken = receiver.settings.model_copy(
        update={"data_dir": tmp_path / "second", "scp_port": receiver.peer.port}
    )
    with (
        pytest.raises(
            StartupError, match=rf"127\.0\.0\.1:{receiver.peer.port}.*SCREENING_SCP_PORT"
        ),
        running_scp(taken, migrated_database),
    ):
        pass


@pytest.mark.parametrize("sop_class", ["1.2.3.4.5.6", "1.2.840.10008.5.1.4.1.1.1.3"])
def test_a_further_sop_class_is_stored_whether_pynetdicom_knows_it(
    tmp_path: Path, migrated_database: Database, sop_class: str
) -> None:
    """A private Storage SOP class of the site is served as those of the standard."""
    context = Context(sop_class, ExplicitVRLittleEndian)
    with running_receiver(tmp_path, migrated_database, extra_sop_classes=sop_class) as receiver:
        with associate(receiver.peer, [context]) as association:
            sent = identify(radiograph(SOPClassUID=sop_class))
            statuses = [association.store(sent, context).status for _ in range(2)]
        assert statuses == [SUCCESS] * 2
        assert [row.sop_class_uid for row in receiver.instances()] == [sop_class]
