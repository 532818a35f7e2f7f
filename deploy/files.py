"""Reads the files of deploy/ for the checks on them."""
# ruff: noqa: INP001  beside the files it reads, no package

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
OUR_IMAGES = ("screening-stations", "screening-classify")


class NotCheckedError(Exception):
    """A check could not be made here; the message says why."""


def container_files(folder: Path) -> list[Path]:
    """Return the container files of a folder."""
    return [p for p in sorted(folder.glob("Containerfile*")) if p.suffix != ".dockerignore"]


def read_text(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; raises NotCheckedError without PyYAML."""
    try:
        import yaml  # noqa: PLC0415  a development package: its absence is reported, no crash
    except ModuleNotFoundError:
        raise NotCheckedError("PyYAML is not installed") from None
    return yaml.safe_load(read_text(path))
