"""A site with one study on its list and two users, for tests of its page."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.rows.stored import add_bundle, add_instance, add_report, add_score
from tests.sites.site import Site, running_site
from tests.sites.web_app import PASSWORDS, ROLES

PATIENT = "SECRET-PATIENT"


@contextlib.contextmanager
def site_with_a_study(folder: Path, **variables: str) -> Iterator[Site]:
    """Yield a site with one study, its report parked, and two users; nothing runs yet."""
    with running_site(folder, bundle_dir=folder / "bundles", **variables) as site:
        with contextlib.closing(site.database) as database, database.write() as session:
            instance = add_instance(session, "1.2.3", patient_id=PATIENT, patient_name=PATIENT)
            result = add_score(session, instance, add_bundle(session), priority="STAT", covid19=0.9)
            add_report(session, result, pacs="parked")
        _add_users(site)
        yield site


_made: list[bytes] = []
"""The password file, once it is made: each password is hashed for long."""


def _add_users(site: Site) -> None:
    file = site.settings.resolved_web_users_file
    if _made:
        file.touch(mode=0o600)
        file.write_bytes(_made[0])
        return
    for name, role in ROLES.items():
        add_user(site, name, role)
    _made.append(file.read_bytes())


def add_user(site: Site, name: str, role: str) -> None:
    """Add a user with the command, the password through standard input."""
    command = [sys.executable, "-m", "screening", "users", "add", name, "--role", role]
    subprocess.run(
        command,
        env=site.environment,
        cwd=site.folder,
        input=PASSWORDS[name] + "\n",
        text=True,
        check=True,
        capture_output=True,
    )


def start_page(site: Site) -> int:
    """Start the page, wait for it, return its port."""
    site.start("web")
    site.wait_for_log("web", "worklist_page_opened")
    return int(site.variables["SCREENING_WEB_PORT"])
