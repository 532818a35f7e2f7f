"""What the test of a Storage SCP says, against real SCPs that offer more or less."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    BasicTextSRStorage,
    ComprehensiveSRStorage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from screening.delivery.destination import connected
from screening.settings import load_settings
from tests.services.servers import free_port


@contextmanager
def scp(*sop_classes: str, calling: Sequence[str] = (), echo: int = 0) -> Iterator[int]:
    """Run an SCP that accepts these SOP classes; yield its port."""
    entity = AE("PACS")
    entity.require_calling_aet = list(calling)
    for sop_class in sop_classes:
        entity.add_supported_context(sop_class)
    port = free_port()
    handlers = [(evt.EVT_C_ECHO, lambda _: echo)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield port
    finally:
        server.shutdown()


def checks(port: int, commitment: str = "none") -> dict[str, bool]:
    """Return by name of each check whether it passed."""
    pacs = {"name": "pacs", "host": "127.0.0.1", "port": port, "ae_title": "PACS"}
    settings = load_settings(destinations=[pacs | {"commitment": commitment}], reports_folder=False)
    [destination] = connected(settings.all_destinations, settings.site)
    return {check.what: check.passed for check in destination.test()}


@pytest.mark.parametrize("offered", [(Verification,), ()])
def test_an_scp_that_takes_reports_passes(offered: tuple[str, ...]) -> None:
    """Also one that offers no Verification: it needs none to take reports."""
    with scp(ComprehensiveSRStorage, *offered) as port:
        assert checks(port) == {"association": True, "the reports' SOP class": True, "C-ECHO": True}


def test_an_scp_that_takes_other_reports_is_told() -> None:
    """It is there and answers, and would refuse what we send."""
    with scp(BasicTextSRStorage, Verification) as port:
        assert checks(port) == {
            "association": True,
            "the reports' SOP class": False,
            "C-ECHO": True,
        }


def test_an_scp_that_does_not_know_us_is_told() -> None:
    """So is one that is not there."""
    with scp(ComprehensiveSRStorage, calling=["SOMEBODY"]) as port:
        assert checks(port) == {"association": False}
    assert checks(free_port()) == {"association": False}


def test_an_scp_that_answers_an_echo_with_a_failure_is_told() -> None:
    """It is there, and not well."""
    with scp(ComprehensiveSRStorage, Verification, echo=0x0110) as port:
        assert checks(port)["C-ECHO"] is False


@pytest.mark.parametrize(
    ("commitment", "needed"),
    [
        ("storage-commitment", StorageCommitmentPushModel),
        ("query", StudyRootQueryRetrieveInformationModelFind),
    ],
)
def test_an_scp_that_is_to_confirm_reports_must_offer_what_that_takes(
    commitment: str, needed: str
) -> None:
    """Storage Commitment or C-FIND, as the settings say."""
    what = f"what commitment = {commitment} needs"
    with scp(ComprehensiveSRStorage) as port:
        assert checks(port, commitment)[what] is False
    with scp(ComprehensiveSRStorage, needed) as port:
        assert checks(port, commitment)[what] is True
