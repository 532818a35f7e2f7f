"""What the pages, the metrics and the commands say of images unlike those that the bundle knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from screening.cli.site.drift import print_drift
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.drift import FEWEST_IMAGES
from screening.domain.eligibility import Reason
from screening.drift.of_senders import read_drift
from screening.ops.drift_trace import drift_lines
from screening.ops.trace import trace
from screening.settings import Settings
from tests.rows.stored import add_bundle, add_classification, add_instance, add_score
from tests.sites.web_app import Client, make_app, password_client

UNLIKE = "Images of CT9 look unlike any that the bundle knows (refused"
DO_NOT = "do not order by its scores."


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a site whose bundle is not on this machine."""
    return Settings(data_dir=tmp_path)


@pytest.fixture
def client(migrated_database: Database, settings: Settings) -> Iterator[Client]:
    """Return a browser of a site with two senders, one of which sends what is refused."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        for number in range(FEWEST_IMAGES):
            instance = add_instance(session, f"1.2.9.{number}", calling_ae_title="CT9")
            add_classification(
                session,
                instance,
                state="not_applicable",
                bundle_id=bundle.id,
                reason=Reason.UNLIKE_CHEST_RADIOGRAPH,
            )
        scored = add_instance(session, "1.2.1", calling_ae_title="<b>CR1</b>")
        add_score(
            session,
            scored,
            bundle,
            priority="STAT",
            covid19=0.9,
            image_statistics={"feature_distance": 1.25, "features": [0.5]},
        )
    return Client(make_app(migrated_database, settings))


def test_list_and_study_warn_of_their_senders_alone(client: Client) -> None:
    """The study of another sender has no warning, and shows its image's figures."""
    for path in ("/", "/board", "/studies/1.2.9.0"):
        page = client.get(path).text
        assert UNLIKE in page
        assert DO_NOT in page
        assert 'data-part="drift"' in page
    other = client.get("/studies/1.2.1").text
    assert "look unlike" not in other
    assert "feature distance 1.25" in other
    told = client.get("/api/v1/worklist").json()
    assert [warning.startswith(UNLIKE) for warning in told["drift_warnings"]] == [True]
    assert client.get("/api/v1/worklist?limit=1").json()["drift_warnings"] == []


@pytest.mark.usefixtures("client")
def test_operators_see_each_sender(migrated_database: Database, tmp_path: Path) -> None:
    """With the figures, what they mean, and what cannot be told; names are escaped."""
    operator = password_client(migrated_database, tmp_path)()
    operator.log_in("otto")
    page = operator.get("/operations").text
    assert UNLIKE in page
    assert "1.00 (0.89-1.00)" in page
    assert "cannot tell" in page
    assert "&lt;b&gt;CR1&lt;/b&gt;" in page
    assert "<b>CR1</b>" not in page


def test_metrics_have_a_label_for_each_sender(client: Client) -> None:
    """The one likeness that applies is 1; what cannot be told has no value."""
    lines = client.get("/metrics").text.splitlines()
    name = 'screening_sender_likeness{calling_ae_title="CT9",likeness='
    assert f'{name}"unlike"}} 1.0' in lines
    assert f'{name}"like"}} 0.0' in lines
    refused = 'screening_sender_drift{aspect="refused",calling_ae_title="CT9"} 1.0'
    assert refused in lines
    assert not any("screening_sender_drift{" in line and "levels" in line for line in lines)
    assert 'screening_sender_drift_images{calling_ae_title="CT9"} 30.0' in lines


@pytest.mark.usefixtures("client")
def test_the_trace_of_a_study_ends_with_its_sender(
    migrated_database: Database, settings: Settings
) -> None:
    """As of now, which it says; a line for each sender of the study."""
    lines = trace(migrated_database, "1.2.9.0")
    (found,) = drift_lines(migrated_database, settings, lines, utc_now())
    assert found.text.startswith(f"Now: {UNLIKE}")
    assert found.detail["likeness"] == "unlike"
    assert drift_lines(migrated_database, settings, [], utc_now()) == []


@pytest.mark.usefixtures("client")
def test_the_command_prints_a_row_and_a_sentence_for_each_sender(
    migrated_database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """And once why the known images could not be looked up."""
    print_drift(read_drift(migrated_database, settings))
    told = capsys.readouterr().out
    assert UNLIKE in told
    assert "1.00 (0.89-1.00) unlike" in told
    assert told.count("expected one bundle") == 1
    print_drift(())
    assert "nothing to compare" in capsys.readouterr().out
