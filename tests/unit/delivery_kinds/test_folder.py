"""Files in a folder."""

from datetime import UTC, datetime
from pathlib import Path

from screening.delivery.destination import connected
from screening.delivery.kind import Ending, StoredReport
from screening.settings import load_settings

REPORT = StoredReport("1.2.3", "1.2.4", datetime(2026, 3, 1, 23, tzinfo=UTC), b"content")


def test_a_folder_of_the_settings_takes_reports(tmp_path: Path) -> None:
    """Below the day they were made, beside the reports folder of the data folder."""
    chosen = {"name": "export", "kind": "folder", "folder": str(tmp_path / "export")}
    settings = load_settings(data_dir=tmp_path / "data", destinations=[chosen])
    export, own = connected(settings.all_destinations, settings.site)
    assert (export.name, own.name) == ("export", "reports-folder")
    [attempt] = export.send([REPORT])
    assert attempt.ending is Ending.DELIVERED
    assert (tmp_path / "export" / "2026-03-01" / "1.2.3.dcm").read_bytes() == b"content"
    [attempt] = own.send([REPORT])
    assert (tmp_path / "data" / "reports" / "2026-03-01" / "1.2.3.dcm").exists()


def test_its_test_leaves_nothing_behind(tmp_path: Path) -> None:
    """It says where it could or could not write."""
    chosen = {"name": "export", "kind": "folder", "folder": str(tmp_path / "export")}
    settings = load_settings(destinations=[chosen], reports_folder=False)
    [export] = connected(settings.all_destinations, settings.site)
    [check] = export.test()
    assert (check.what, check.passed) == ("writable", True)
    assert list((tmp_path / "export").iterdir()) == []
    (tmp_path / "export").rmdir()
    (tmp_path / "export").write_text("in the way")
    [check] = export.test()
    assert not check.passed
    assert str(tmp_path / "export") in check.message
