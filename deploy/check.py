"""Check the files of deploy/ as far as that goes without a container engine or a running systemd.

Prints what was checked and what was not, and why; exit status 1 where something is wrong.
"""
# ruff: noqa: INP001  a script beside the files it checks, no package

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from deploy.confinement import (
    compose_runs_confined,
    containers_run_confined,
    units_run_confined,
)
from deploy.files import (
    DEPLOY,
    OUR_IMAGES,
    ROOT,
    NotCheckedError,
    container_files,
    read_text,
    read_yaml,
)
from screening.cli.main import app
from screening.db.calibration_state import CalibrationState
from screening.domain.drift import FEWEST_IMAGES, RecentImage, gauge
from screening.domain.observed import observed
from screening.domain.reading import Label
from screening.domain.scores import Class
from screening.drift.of_senders import SenderDrift
from screening.ops.ledger import Ledger
from screening.settings import NOT_SETTINGS, PREFIX, Settings
from screening.worklist.figures.metrics import metrics_text
from screening.worklist.figures.reading_figures import ReadingFigures

INSTALLED_COMMAND = "/opt/screening/.venv/bin/screening"


def settings_exist(folder: Path = DEPLOY) -> list[str]:
    """Every SCREENING_ variable and every key of the example file is a setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NOT_SETTINGS
    problems = [
        f"{path.name}: {variable} is no setting"
        for path in _text_files(folder)
        for variable in sorted(set(re.findall(r"SCREENING_[A-Z][A-Z_]*", read_text(path))) - known)
    ]
    for example in folder.rglob("*.toml.example"):
        try:
            Settings(**tomllib.loads(read_text(example)))
        except ValueError as error:
            problems.append(f"{example.name}: {error}")
    return problems


def commands_exist(folder: Path = DEPLOY) -> list[str]:
    """Every `screening` command that a unit, container or compose file runs is there."""
    return [
        f"{where}: `screening {' '.join(words)}` is no command"
        for where, words in (*_unit_commands(folder), *_container_commands(folder))
        if not _is_command(words)
    ]


def units_verify(folder: Path = DEPLOY) -> list[str]:
    """`systemd-analyze verify` finds nothing, with a stand-in for our program and user."""
    program = _program("systemd-analyze")
    with tempfile.TemporaryDirectory() as name:
        units = []
        for unit in sorted(folder.glob("systemd/*.service")):
            copy = Path(name) / unit.name
            text = read_text(unit).replace(INSTALLED_COMMAND, "/bin/true")
            copy.write_text(text, encoding="utf-8")
            units.append(str(copy))
        done = subprocess.run(
            [program, "verify", "--man=no", "--recursive-errors=no", *units],
            check=False,
            capture_output=True,
            text=True,
        )
        said = [line for line in done.stderr.splitlines() if any(u in line for u in _names(units))]
    if done.returncode and not said:
        raise NotCheckedError(f"systemd-analyze does not work here: {done.stderr.strip()[:200]}")
    return said


def compose_holds_together(folder: Path = DEPLOY) -> list[str]:
    """compose.yaml parses; what its services name is there, and no password stands in it."""
    problems = []
    compose = read_yaml(folder / "compose.yaml")
    for name, service in compose["services"].items():
        absent = [used for kind, used in _names_used(service) if used not in compose.get(kind, {})]
        absent += [path for path in _paths_used(service) if not (folder / path).exists()]
        problems += [f"compose.yaml: {name} uses {used}, which is not there" for used in absent]
        problems += [
            f"compose.yaml: {name} holds a password in {key}"
            for key, value in service.get("environment", {}).items()
            if "PASSWORD" in key and not str(value).startswith("${")
        ]
    changed = (
        read_yaml(folder / "compose.cuda.yaml")["services"].keys() - compose["services"].keys()
    )
    problems += [f"compose.cuda.yaml: {name} is not in compose.yaml" for name in sorted(changed)]
    json.loads(read_text(folder / "compose" / "orthanc.json"))
    return problems


def containers_hold_together(folder: Path = DEPLOY) -> list[str]:
    """Container files copy what is there and let through."""
    problems = []
    for path in container_files(folder):
        text = read_text(path)
        let_through = read_text(path.with_name(f"{path.name}.dockerignore")).splitlines()
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
            problems += [
                f"{path.name}: {source} is not there, or not let through by its .dockerignore"
                for source in sources.split()
                if not (ROOT / source).exists() or f"!{source.rstrip('/')}" not in let_through
            ]
    return problems


def alerts_use_our_metrics(folder: Path = DEPLOY) -> list[str]:
    """Alert rules parse, and every metric in them is one that the page exports."""
    counts = {("any", "any"): 1}
    ledger = Ledger(
        *(1, 1, 0, 0, 0),
        reasons=counts,
        backfill_pending=0,
        deliveries=counts,
        report_commitments=counts,
        peer_commitment_requests=counts,
        removed=0,
    )
    images = [RecentImage({}, refused=True)] * FEWEST_IMAGES
    drift = [SenderDrift("ANY", "any 1", gauge(images, ()))]
    reading = ReadingFigures(0, 0.0, {}, observed({(Label.COVID19, Class.COVID19): 1}))
    text = metrics_text(
        ledger, None, [], calibration=CalibrationState(), drift=drift, reading=reading
    ).decode()
    exported = set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE))
    problems = []
    for path in sorted(folder.glob("prometheus/*.yaml")):
        rules = [rule for group in read_yaml(path)["groups"] for rule in group["rules"]]
        for rule in rules:
            used = set(re.findall(r"\b(screening_[a-z_]+)", rule["expr"]))
            problems += [f"{path.name}: {name} is not exported" for name in used - exported]
    return problems


def proxy_configuration_verifies(folder: Path = DEPLOY) -> list[str]:
    """HAProxy finds nothing wrong with its configuration, and it says who the client is."""
    path = folder / "haproxy" / "haproxy.cfg"
    if "send-proxy-v2" not in read_text(path):
        return [f"{path.name}: the SCPs would take the proxy's address for every modality's"]
    done = subprocess.run(
        [_program("haproxy"), "-c", "-f", str(path)],
        check=False,
        capture_output=True,
        text=True,
    )
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


def scripts_lint(folder: Path = DEPLOY) -> list[str]:
    """Shellcheck finds nothing in the shell scripts."""
    program = _program("shellcheck")
    candidates = [*folder.iterdir(), ROOT / "tests" / "install-tools", ROOT / ".ci" / "run"]
    scripts = [str(p) for p in candidates if p.is_file() and read_text(p).startswith("#!")]
    scripts = [path for path in scripts if "python" not in read_text(Path(path)).splitlines()[0]]
    done = subprocess.run(
        [program, "--format=gcc", *scripts], check=False, capture_output=True, text=True
    )
    return (done.stdout + done.stderr).splitlines()


CHECKS: tuple[Callable[[], list[str]], ...] = (
    settings_exist,
    commands_exist,
    units_verify,
    compose_holds_together,
    containers_hold_together,
    containers_run_confined,
    compose_runs_confined,
    units_run_confined,
    alerts_use_our_metrics,
    proxy_configuration_verifies,
    scripts_lint,
)
NEVER_CHECKED_HERE = (
    "building and running the containers (no engine)",
    "the units under a running systemd",
    "promtool's own check of the alert rules",
)


def main() -> int:
    """Run every check; return the exit status."""
    problems = 0
    for check in CHECKS:
        what = (check.__doc__ or check.__name__).splitlines()[0]
        try:
            found = check()
        except NotCheckedError as reason:
            _say(f"not checked  {what} [{reason}]")
            continue
        problems += len(found)
        _say(f"{'WRONG      ' if found else 'checked    '}  {what}")
        for problem in found:
            _say(f"             {problem}")
    for what in NEVER_CHECKED_HERE:
        _say(f"not checked  {what}")
    return 1 if problems else 0


def _unit_commands(folder: Path) -> Iterable[tuple[str, list[str]]]:
    for unit in sorted(folder.glob("systemd/*.service")):
        for line in re.findall(r"^Exec\w+=\S*/screening (.+)$", read_text(unit), re.MULTILINE):
            yield unit.name, line.split()


def _container_commands(folder: Path) -> Iterable[tuple[str, list[str]]]:
    for path in container_files(folder):
        for words in re.findall(r"^CMD (\[.+\])$", read_text(path), re.MULTILINE):
            yield path.name, json.loads(words)
    try:
        services = read_yaml(folder / "compose.yaml")["services"]
    except NotCheckedError:
        return
    for name, service in services.items():
        if service.get("image") in OUR_IMAGES:
            yield f"compose.yaml, {name}", service["command"]


def _is_command(words: list[str]) -> bool:
    command: Any = typer.main.get_command(app)
    for word in words:
        if word.startswith("-"):
            return any(word in option.opts for option in command.params) or word == "--help"
        if not isinstance(command, TyperGroup):
            return False
        command = command.get_command(typer.Context(command), word)
    return command is not None and not isinstance(command, TyperGroup)


def _names_used(service: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from (("services", name) for name in service.get("depends_on", {}))
    yield from (("networks", name) for name in service.get("networks", []))
    volumes = (volume.split(":")[0] for volume in service.get("volumes", []))
    yield from (("volumes", name) for name in volumes if not name.startswith("."))


def _paths_used(service: Mapping[str, Any]) -> Iterable[str]:
    volumes = (volume.split(":")[0] for volume in service.get("volumes", []))
    yield from (name for name in volumes if name.startswith("."))
    build = service.get("build")
    if build:
        yield f"{build['context']}/{build['dockerfile']}"


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise NotCheckedError(f"{name} is not installed")
    return found


def _names(paths: Iterable[str]) -> list[str]:
    return [Path(path).name for path in paths]


def _text_files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in {".py", ".pyc"}]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
