"""Ask for known vulnerabilities of the locked packages, and say plainly where nobody answered.

    python -m deploy.audit               found ones fail; nobody asked is a warning
    python -m deploy.audit --must-ask    nobody asked fails too: for a release

Without an answer the check warns and does not fail, in CI too: that an advisory service is out of
reach says nothing of the change at hand, and a check that fails for it would be switched off. A
package that the service does not know counts as not asked: pip-audit itself calls that no
vulnerability and ends well.
"""
# ruff: noqa: INP001  a script beside the file it reads, no package

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from deploy.files import DEPLOY, ROOT

LOCKED = ROOT / "requirements-dev.txt"
"""Every package of the others, and the development tools."""
ACCEPTED = DEPLOY / "advisories-accepted.toml"
TIMEOUT_S = 300
SHORTEST_REASON = 20


@dataclass(frozen=True, slots=True)
class Accepted:
    """An advisory that does not matter here, why, and until when."""

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Audit:
    """What was asked and what came back.

    not_asked: packages that nobody answered for. problems: what must be mended.
    """

    asked: int
    not_asked: tuple[str, ...]
    problems: tuple[str, ...]


class NobodyAnsweredError(Exception):
    """The advisory service is out of reach; the message says how that showed."""


def read_accepted(path: Path = ACCEPTED) -> list[Accepted]:
    """Return the accepted advisories; raises ValueError for one without a reason or an end."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["accepted"]
    accepted = []
    for entry in entries:
        if entry.keys() != {"id", "package", "reason", "until"}:
            raise ValueError(f"{path.name}: expected id, package, reason and until in each entry")
        if len(entry["reason"]) < SHORTEST_REASON or not isinstance(entry["until"], date):
            raise ValueError(f"{path.name}: {entry['id']}: expected a reason in words and a date")
        accepted.append(Accepted(**entry))
    return accepted


def ask(locked: Path = LOCKED) -> Mapping[str, Any]:
    """Return pip-audit's report on locked requirements; raises NobodyAnsweredError without one."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--requirement", str(locked), "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise NobodyAnsweredError(f"no answer within {TIMEOUT_S} s") from None
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        raise NobodyAnsweredError(last[:200]) from None
    return report


def judge(report: Mapping[str, Any], accepted: Sequence[Accepted], today: date) -> Audit:
    """Return what a report means; an acceptance counts for its package up to its last day."""
    packages: Sequence[Mapping[str, Any]] = report["dependencies"]
    problems = [
        _in_words(package, found)
        for package in packages
        for found in package.get("vulns", ())
        if not any(_fits(one, package, found) and today <= one.until for one in accepted)
    ]
    problems += [
        f"{one.package}: {one.id} was accepted until {one.until} ({one.reason}); look at it again"
        for one in accepted
        if one.until < today
    ]
    asked = [package for package in packages if "vulns" in package]
    silent = tuple(str(package["name"]) for package in packages if "vulns" not in package)
    return Audit(len(asked), silent, tuple(problems))


def main(arguments: Sequence[str]) -> int:
    """Ask, print what came of it, return the exit status."""
    must_ask = "--must-ask" in arguments
    try:
        audit = judge(ask(), read_accepted(), datetime.now(UTC).date())
    except NobodyAnsweredError as reason:
        return _not_checked(str(reason), must_ask=must_ask)
    if not audit.asked:
        return _not_checked("it knows none of the packages: a mirror?", must_ask=must_ask)
    for problem in audit.problems:
        _say(f"WRONG        {problem}")
    if audit.not_asked:
        _say(f"not checked  {', '.join(audit.not_asked)}: unknown to the advisory service")
    if not audit.problems:
        _say(f"checked      {audit.asked} locked packages have no vulnerability that is known")
    return 1 if audit.problems or (must_ask and audit.not_asked) else 0


def _fits(one: Accepted, package: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    ids = {found["id"], *found.get("aliases", ())}
    return one.package == package["name"] and one.id in ids


def _in_words(package: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    mended = ", ".join(found.get("fix_versions", ())) or "no version yet"
    return (
        f"{package['name']} {package['version']}: {found['id']}, mended in {mended}; raise its "
        f"lower bound and `make lock`, or say in {ACCEPTED.name} why it does not matter here"
    )


def _not_checked(reason: str, *, must_ask: bool) -> int:
    _say(f"not checked  known vulnerabilities: could not ask the advisory service [{reason}]")
    _say("             nothing is known of the locked packages; ask where there is internet")
    return 1 if must_ask else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
