"""Where settings come from, and how wrong ones are named."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from screening.errors import SettingsError
from screening.settings import (
    PREFIX,
    Settings,
    child_environment,
    choose_runtime,
    load_settings,
    settings_in_force,
    unknown_variables,
)

PEER = '{"name":"pacs","host":"h","port":104,"ae_title":"PACS"}'
FOLDER = '{"name":"reports-folder","kind":"folder","folder":"f"}'


@pytest.fixture(autouse=True)
def empty_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder without a variable of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [*Settings.model_fields, "config"]:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def shown(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return value and origin of every setting by name."""
    return {one.name: (one.value, one.origin) for one in settings_in_force(settings)}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each value says where it comes from."""
    Path("screening.toml").write_text('ae_title = "FILE"\nscp_port = 104\n')
    monkeypatch.setenv("SCREENING_AE_TITLE", "ENVIRONMENT")
    settings = load_settings()
    assert (settings.ae_title, settings.scp_port, settings.web_port) == ("ENVIRONMENT", 104, 8080)
    found = shown(settings)
    assert found["ae_title"] == ("ENVIRONMENT", "SCREENING_AE_TITLE")
    assert found["scp_port"] == ("104", "screening.toml")
    assert found["web_port"] == ("8080", "default")


def test_the_command_line_wins_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that was given counts; one that was not does not."""
    monkeypatch.setenv("SCREENING_DATA_DIR", "from-environment")
    assert load_settings(data_dir=Path("given")).data_dir == Path("given")
    assert load_settings(data_dir=None).data_dir == Path("from-environment")


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass empty variables for what is not set."""
    Path("screening.toml").write_text("scp_port = 104\n")
    monkeypatch.setenv("SCREENING_SCP_PORT", "")
    settings = load_settings()
    assert settings.scp_port == 104
    assert shown(settings)["scp_port"] == ("104", "screening.toml")


def test_a_file_elsewhere_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SCREENING_CONFIG names the file; naming one that is not there is an error."""
    site = tmp_path / "site.toml"
    site.write_text('ae_title = "SITE"\n')
    monkeypatch.setenv("SCREENING_CONFIG", str(site))
    assert shown(load_settings())["ae_title"] == ("SITE", str(site))
    site.unlink()
    with pytest.raises(SettingsError, match=r"SCREENING_CONFIG: expected a TOML file.*site\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "url", "value"),
    [
        (
            "database_url",
            "postgresql+psycopg://user:secret@host/db",
            "postgresql+psycopg://user:***@host/db",
        ),
        ("broker_url", "redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
    ],
)
def test_passwords_are_masked(
    name: str, url: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`screening settings` may be shown to anybody."""
    monkeypatch.setenv(PREFIX + name.upper(), url)
    assert shown(load_settings())[name][0] == value


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("SCREENING_SCP_PORT", "99999", r"scp_port \(SCREENING_SCP_PORT\)"),
        ("SCREENING_SCP_PORT", "many", r"scp_port \(SCREENING_SCP_PORT\)"),
        ("SCREENING_AE_TITLE", "MUCH_TOO_LONG_A_TITLE", r"SCREENING_AE_TITLE.*1 to 16"),
        ("SCREENING_ALLOWED_CALLING_AE_TITLES", "CT_1,MUCH_TOO_LONG_A_TITLE", "1 to 16"),
        ("SCREENING_LOG_LEVEL", "LOUD", "log_level"),
        ("SCREENING_DATABASE_URL", "mysql://host/db", "expected sqlite or postgresql, found mysql"),
        ("SCREENING_DATABASE_URL", "no url at all", "expected an SQLAlchemy URL"),
        ("SCREENING_DESTINATIONS", f"[{PEER},{PEER}]", r"found twice: \['pacs'\]"),
        ("SCREENING_DESTINATIONS", f"[{FOLDER}]", r"found twice: \['reports-folder'\]"),
        ("SCREENING_DESTINATIONS", "[{}]", r"destinations\.0\.name"),
        ("SCREENING_DESTINATIONS", "no json", "SCREENING_DESTINATIONS.*JSON"),
    ],
)
def test_a_wrong_variable_is_named(
    variable: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable and what was expected."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=complaint):
        load_settings()


def test_a_wrong_database_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password."""
    monkeypatch.setenv("SCREENING_DATABASE_URL", "postgres//user:secret@host")
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("scp_port = 99999", r"scp_port \(in the file\)"),
        ("no_such = 1", r"no_such: no such setting \(in the file\)"),
        ("[[destinations]]\nname = 'a'\nhots = 'h'", r"destinations\.0\.hots: no such setting"),
        ("scp_port = = 1", "screening.toml: expected a TOML file"),
        ("\xff", "screening.toml: expected a TOML file"),
    ],
)
def test_a_wrong_file_is_named(content: str, complaint: str) -> None:
    """Unknown keys and wrong values say that they stand in the file."""
    Path("screening.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError, match=complaint):
        load_settings()


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start again for each."""
    Path("screening.toml").write_text("web_port = -1\n")
    monkeypatch.setenv("SCREENING_BATCH_SIZE", "0")
    with pytest.raises(SettingsError, match="batch_size") as wrong:
        load_settings()
    assert "web_port (in the file)" in str(wrong.value)


def test_misspelt_variables_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with our prefix that is no setting is most likely a mistake."""
    monkeypatch.setenv("SCREENING_SPC_PORT", "104")
    monkeypatch.setenv("SCREENING_SCP_PORT", "104")
    assert "SCREENING_SPC_PORT" in unknown_variables()
    assert "SCREENING_SCP_PORT" not in unknown_variables()
    assert load_settings().scp_port == 104


def test_a_child_process_sees_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting survives the way through the environment, or is left to the file to change."""
    followed = (
        "reports_folder = false\n"
        '[[destinations]]\nname = "pacs"\nhost = "höst"\nport = 104\nae_title = "PACS"\n'
        '[[destinations]]\nname = "air"\nhost = "h"\nport = 105\nae_title = "AIR"\n'
        'profile = "comprehensive3d"\n'
    )
    other = 'extra_sop_classes = ["1.2.3", "1.2.4"]\nminimum_age_years = 16.5\n'
    Path("screening.toml").write_text(other + followed, encoding="utf-8")
    monkeypatch.setenv("SCREENING_ALLOWED_CALLING_AE_TITLES", "CR 1, CT_2")
    given = {"data_dir": Path("given"), "bundle_dir": Path("bundles"), "max_object_mib": 7}
    parent = load_settings(**given)
    for variable, value in child_environment(parent).items():
        monkeypatch.setenv(variable, value)
    Path("screening.toml").write_text(followed, encoding="utf-8")
    assert load_settings() == parent
    Path("screening.toml").unlink()
    assert load_settings().destinations == ()


def test_a_child_process_gets_extra_variables_too() -> None:
    """What the supervisor adds reaches the station."""
    assert child_environment(load_settings(), EXTRA="1")["EXTRA"] == "1"


def test_defaults_follow_the_data_folder() -> None:
    """Database, bundles, spool, broker and reports lie in the data folder unless told otherwise."""
    settings = load_settings(data_dir=Path("/data"))
    assert settings.resolved_database_url == "sqlite:////data/screening.db"
    assert settings.resolved_bundle_dir == Path("/data/bundles")
    assert settings.spool_dir == Path("/data/spool")
    assert settings.embedded_broker_dir == Path("/data/broker")
    assert settings.reports_dir == Path("/data/reports")


def test_networks_are_checked_and_survive_the_way_to_a_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Addresses and CIDR networks of both families; what is none is named."""
    monkeypatch.setenv("SCREENING_ALLOWED_ADDRESSES", "10.1.2.3, 10.2.0.0/16,fd00::/8")
    settings = load_settings()
    assert settings.allowed_addresses == ("10.1.2.3/32", "10.2.0.0/16", "fd00::/8")
    passed_on = child_environment(load_settings(allowed_addresses=("10.2.0.0/16",)))
    assert passed_on["SCREENING_ALLOWED_ADDRESSES"] == "10.2.0.0/16"
    for wrong in ("10.1.2.3/16", "pacs.example.org"):
        monkeypatch.setenv("SCREENING_ALLOWED_ADDRESSES", wrong)
        with pytest.raises(SettingsError, match=r"allowed_addresses.*expected IP addresses and"):
            load_settings()


def test_peers_of_procedure_steps_are_named_once_and_may_listen_nowhere() -> None:
    """An AE without an address may ask; a port without a host is no address."""
    asks = {"ae_title": "READER_1"}
    [peer] = load_settings(ups_peers=[asks]).ups_peers
    assert peer.address is None
    [peer] = load_settings(ups_peers=[{**asks, "host": "reader", "port": 104}]).ups_peers
    assert peer.address is not None
    assert (peer.address.ae_title, peer.address.port) == ("READER_1", 104)
    with pytest.raises(SettingsError, match="ups_peers: expected unique names"):
        load_settings(ups_peers=[asks, asks])


@pytest.mark.parametrize(
    "wrong",
    [
        {"ups_worklist_label": "a\\b"},
        {"ups_worklist_label": "a" * 65},
        {"ups_retrieve_ae_title": "a title that is too long"},
        {"ups_peers": [{"ae_title": "READER_1", "port": 65536}]},
    ],
)
def test_settings_of_procedure_steps_are_limited(wrong: dict[str, Any]) -> None:
    """By what their value representations hold."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        load_settings(**wrong)


def test_a_runtime_is_chosen_before_keras_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras reads its backend once; what it runs on already may be chosen again."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    loaded = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "tensorflow"))
    monkeypatch.setitem(sys.modules, "keras", loaded)
    choose_runtime("tensorflow")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    with pytest.raises(SettingsError, match="on openvino, found it loaded already with tensorflow"):
        choose_runtime("openvino")
