"""Checks that what is deployed runs without rights: no root, nothing to write but its data."""
# ruff: noqa: INP001  beside the files it checks, no package

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.files import DEPLOY, OUR_IMAGES, container_files, read_text, read_yaml

ROOT_USERS = frozenset({"root", "0"})
WRITERS: Mapping[str, frozenset[str]] = {
    "data": frozenset({"receive", "stow", "tools"}),
    "users": frozenset({"tools"}),
}
"""By volume, the services that may write it: spool and bundles; the page's password file."""
WITHOUT_HASHES = "tensorflow[and-cuda]"
"""The one installation that is not checked by hash: NVIDIA's packages, as this TensorFlow asks."""
REQUIRED_OF_A_SERVICE: Mapping[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "tmpfs": ["/tmp"],  # noqa: S108  the containers' own
}
FORBIDDEN_FOR_A_SERVICE = (
    *("privileged", "cap_add", "devices", "userns_mode", "pid", "ipc", "network_mode", "user"),
)
REQUIRED_OF_A_UNIT: Mapping[str, str] = {
    "User": "screening",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
}


def containers_run_confined(folder: Path = DEPLOY) -> list[str]:
    """Containers run as a user by number, not root, and install by hash."""
    problems = []
    for path in container_files(folder):
        text = read_text(path).replace("\\\n", " ")
        users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
        user = users[-1].split(":")[0] if users else "root"
        if user in ROOT_USERS:
            problems.append(f"{path.name}: runs as root")
        elif not user.isdigit():
            problems.append(
                f"{path.name}: USER {user} is no number, so nothing can tell it from root"
            )
        problems += [
            f"{path.name}: installs without --require-hashes: {line.strip()[:80]}"
            for line in re.findall(r"pip install[^&;|]*", text)
            if "--require-hashes" not in line and WITHOUT_HASHES not in line
        ]
        if re.search(r"^ADD\b|\bcurl\b|\bwget\b", text, re.MULTILINE):
            problems.append(f"{path.name}: downloads something that is not checked")
    return problems


def compose_runs_confined(folder: Path = DEPLOY) -> list[str]:
    """Our services have a read-only root, no capabilities, and only those that must write data."""
    problems = []
    for file in ("compose.yaml", "compose.cuda.yaml"):
        for name, service in read_yaml(folder / file)["services"].items():
            problems += [
                f"{file}: {name} has {key}" for key in FORBIDDEN_FOR_A_SERVICE if key in service
            ]
            problems += [f"{file}: {name} {problem}" for problem in _volume_problems(name, service)]
            if service.get("image") in OUR_IMAGES and file == "compose.yaml":
                problems += [
                    f"{file}: {name} has {key} {service.get(key)}, expected {expected}"
                    for key, expected in REQUIRED_OF_A_SERVICE.items()
                    if service.get(key) != expected
                ]
    return problems


def units_run_confined(folder: Path = DEPLOY) -> list[str]:
    """Units run as their own user, without rights to gain, on a read-only system."""
    problems = []
    for path in sorted(folder.glob("systemd/*.service")):
        found = dict(re.findall(r"^(\w+)=(.*)$", read_text(path), re.MULTILINE))
        problems += [
            f"{path.name}: expected {key}={value}, found {found.get(key)}"
            for key, value in REQUIRED_OF_A_UNIT.items()
            if found.get(key) != value
        ]
    return problems


def _volume_problems(name: str, service: Mapping[str, Any]) -> Iterable[str]:
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if "docker.sock" in volume:
            yield "reaches the container engine"
        if name not in WRITERS.get(source, {name}) and not rest.endswith(":ro"):
            yield f"may write {source}"
        if source.startswith((".", "/")) and not rest.endswith(":ro"):
            yield f"may write {source} of the host"
