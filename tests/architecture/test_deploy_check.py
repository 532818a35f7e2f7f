"""deploy/check.py finds the mistakes it is there for."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import check

Check = Callable[[Path], list[str]]

MISTAKES: tuple[tuple[Check, str, str, str], ...] = (
    (check.settings_exist, "compose.yaml", "SCREENING_LOG_LEVEL", "SCREENING_LOGLEVEL"),
    (check.settings_exist, "systemd/screening.toml.example", "scp_host", "scp_hosts"),
    (check.commands_exist, "systemd/screening-web.service", "run web", "run page"),
    (check.commands_exist, "Containerfile.classify", '"classify"]', '"clasify"]'),
    (check.commands_exist, "compose.yaml", '"db", "upgrade"', '"db", "migrate"'),
    (check.units_verify, "systemd/screening-web.service", "Restart=always", "Restart=sometimes"),
    (check.compose_holds_together, "compose.yaml", "doorbell: {}", "bell: {}"),
    (check.compose_holds_together, "compose.yaml", "${POSTGRES_PASSWORD:?set it in .env}", "pw"),
    (check.compose_holds_together, "compose.yaml", "orthanc.json:/etc", "pacs.json:/etc"),
    (check.containers_run_confined, "Containerfile", "USER 10001:10001", "USER root"),
    (check.containers_run_confined, "Containerfile", "USER 10001:10001", "USER 0:0"),
    (check.containers_run_confined, "Containerfile", "USER 10001:10001", "USER screening"),
    (check.containers_run_confined, "Containerfile.classify", "USER 10001:10001", ""),
    (check.containers_run_confined, "Containerfile", " --require-hashes", ""),
    (check.containers_run_confined, "Containerfile", "COPY LICENSE", "ADD https://host/x"),
    (check.compose_runs_confined, "compose.yaml", "read_only: true", "read_only: false"),
    (check.compose_runs_confined, "compose.yaml", "cap_drop: [ALL]", "cap_drop: [CHOWN]"),
    (check.compose_runs_confined, "compose.yaml", "no-new-privileges:true", "seccomp:unconfined"),
    (check.compose_runs_confined, "compose.yaml", "tmpfs: [/tmp]", "privileged: true"),
    (check.compose_runs_confined, "compose.yaml", '"data:/data:ro"', '"data:/data"'),
    (check.compose_runs_confined, "compose.yaml", '"users:/users:ro"', '"users:/users"'),
    (check.compose_runs_confined, "compose.yaml", "orthanc.json:ro", "orthanc.json"),
    (
        check.compose_runs_confined,
        "compose.yaml",
        '"users:/users:ro"',
        '"/var/run/docker.sock:/s:ro"',
    ),
    (
        check.units_run_confined,
        "systemd/screening-web.service",
        "NoNewPrivileges=yes",
        "NoNewPrivileges=no",
    ),
    (check.units_run_confined, "systemd/screening-receive.service", "ProtectSystem=strict", ""),
    (check.units_run_confined, "systemd/screening-report.service", "User=screening", "User=root"),
    (check.containers_hold_together, "Containerfile", "COPY alembic ", "COPY migrations "),
    (check.containers_hold_together, "Containerfile.dockerignore", "!alembic", "!tests"),
    (check.proxy_configuration_verifies, "haproxy/haproxy.cfg", "mode tcp", "mode dicom"),
    (check.proxy_configuration_verifies, "haproxy/haproxy.cfg", " send-proxy-v2", ""),
    (
        check.alerts_use_our_metrics,
        "prometheus/screening.rules.yaml",
        "screening_ledger_adds_up",
        "screening_ledger_ok",
    ),
)


@pytest.fixture
def deploy_copy(tmp_path: Path) -> Path:
    """Return a copy of deploy/ to spoil."""
    return Path(shutil.copytree(check.DEPLOY, tmp_path / "deploy"))


@pytest.mark.parametrize(
    ("find", "file", "right", "wrong"),
    MISTAKES,
    ids=[f"{find.__name__}-{wrong}" for find, _, _, wrong in MISTAKES],
)
def test_a_planted_mistake_is_found(
    deploy_copy: Path, find: Check, file: str, right: str, wrong: str
) -> None:
    """The files as they are pass; each mistake makes its check complain."""
    path = deploy_copy / file
    text = path.read_text(encoding="utf-8")
    assert right in text
    try:
        before = find(deploy_copy)
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        after = find(deploy_copy)
    except check.NotCheckedError as reason:
        pytest.skip(str(reason))
    assert before == []
    assert after


def test_a_script_that_would_split_words_is_found(deploy_copy: Path) -> None:
    """Shellcheck sees an unquoted variable."""
    (deploy_copy / "bad").write_text("#!/bin/sh\nrm $1\n", encoding="utf-8")
    try:
        assert any("SC2086" in problem for problem in check.scripts_lint(deploy_copy))
    except check.NotCheckedError as reason:
        pytest.skip(str(reason))
