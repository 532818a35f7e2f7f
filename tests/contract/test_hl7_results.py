"""A result in HL7, from its row to the receiver: once, and again where it is corrected."""

from pathlib import Path

import hl7
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Delivery
from screening.delivery.destination import connected
from screening.ops.correction_decisions import accept_correction
from screening.report.outbox import make_due_reports
from screening.settings import load_settings
from screening.spool.store import Spool
from tests.peers.hl7_listener import Hl7Listener, hl7_listener
from tests.reports.deliveries import let_time_pass, send_what_is_due
from tests.rows.resending import CORRECTED, corrections, image, resend, work
from tests.rows.standing_results import reports

BOTH = {"ris": "oru_r01", "pacs": "comprehensive"}


def deliver(database: Database, spool: Spool, folder: Path, listener: Hl7Listener) -> str:
    """Make what is due and send it to the listener; return state and status of the newest."""
    make_due_reports(database, spool, BOTH)
    entry = {"name": "ris", "kind": "hl7-mllp", "host": "127.0.0.1", "port": listener.port}
    settings = load_settings(destinations=[entry], reports_folder=False)
    [destination] = connected(settings.all_destinations, settings.site)
    send_what_is_due(database, folder, destination)
    with database.read() as session:
        rows = select(Delivery).where(Delivery.destination == "ris").order_by(Delivery.id.desc())
        row = session.scalars(rows).first()
        return f"{row.state} {row.last_status}" if row else ""


def observed(message: hl7.Message, identifier: str) -> list[str]:
    """Return OBX-5 of every observation whose identifier begins so."""
    return [str(one(5)) for one in message.segments("OBX") if str(one(3)).startswith(identifier)]


def test_a_correction_of_demographics_sends_a_corrected_result(
    database: Database, spool: Spool, bundle_id: int, tmp_path: Path
) -> None:
    """Status C with the new patient, and the SR that says the same; nothing is lost on the way."""
    with hl7_listener() as listener:
        resend(database, spool, bundle_id, image())
        listener.acknowledge = lambda came: came.create_ack("AR")
        assert deliver(database, spool, tmp_path, listener) == "pending AR"
        let_time_pass(database)
        listener.acknowledge = lambda came: came.create_ack("AA")
        assert deliver(database, spool, tmp_path, listener) == "delivered AA"
        refused, first = listener.came
        assert str(refused) == str(first)
        resend(database, spool, bundle_id, image(**CORRECTED))
        [waiting] = corrections(database)
        accept_correction(database, waiting.id, by="ann")
        assert work(database, spool, bundle_id) == 0
        assert deliver(database, spool, tmp_path, listener) == "delivered AA"
        again = listener.came[2]
        assert listener.problems == []
    assert [str(one.segment("OBR")(25)) for one in (first, again)] == ["R", "C"]
    assert {str(one(11)) for one in again.segments("OBX")} == {"C"}
    assert [str(one.segment("PID")(3)).split("^")[0] for one in (first, again)] == [
        "PID-77",
        "PID-78",
    ]
    assert str(again.segment("PID")(5)).startswith("Doe^Joan")
    assert str(first.segment("MSH")(10)) != str(again.segment("MSH")(10))
    structured = [one.sop_instance_uid for one in reports(database) if one.sop_class_uid]
    assert [observed(one, "SR-UID") for one in (first, again)] == [[uid] for uid in structured]
