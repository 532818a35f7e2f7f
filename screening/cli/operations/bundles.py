"""`screening bundles`: the installed ensembles, and which one is active."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from screening.cli.operations.runtimes import compare_runtime
from screening.errors import BundleError

if TYPE_CHECKING:
    from screening.bundles.registry import Bundle
    from screening.db.bundle_rows import ActiveBundle, WayBack
    from screening.db.session import Database
    from screening.ops.change_over import ChangeOver
    from screening.settings import Settings

UNTRAINED_FOLDER = "untrained"
UNTRAINED = "UNTRAINED: its scores mean nothing, and readers will see them."

app = typer.Typer(
    no_args_is_help=True, help="Model bundles: list, show, verify, activate, roll back."
)
app.command(name="compare-runtime")(compare_runtime)

Selector = Annotated[
    str, typer.Argument(help="Name, name@version, or the first digits of the digest.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_bundles(as_json: AsJson = False) -> None:
    """List the installed bundles.

    Example: screening bundles list
    """
    from screening.bundles.site import site_bundles
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.db import bundle_rows

    with opened_database() as (settings, database):
        roles = bundle_rows.roles(database)
        bundles = site_bundles(settings)
    rows = [
        {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "digest": bundle.digest,
            "trained": bundle.manifest.trained,
            "role": roles.get(bundle.digest),
            "directory": str(bundle.directory),
        }
        for bundle in bundles
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "bundles",
        ("name", "version", "digest", "trained", "role", "folder"),
        (
            (
                row["name"],
                row["version"],
                str(row["digest"])[:12],
                "yes" if row["trained"] else "UNTRAINED",
                row["role"],
                row["directory"],
            )
            for row in rows
        ),
    )


@app.command()
def show(selector: Selector) -> None:
    """Print a bundle's manifest.

    Example: screening bundles show untrained
    """
    from screening.bundles.manifest import manifest_bytes
    from screening.bundles.site import find_bundle
    from screening.settings import load_settings

    print(manifest_bytes(find_bundle(load_settings(), selector).manifest).decode(), end="")


@app.command()
def verify(selector: Selector) -> None:
    """Check a bundle's files and golden scores.

    It loads the networks and scores the golden images.

    Example: screening bundles verify untrained
    """
    from screening.bundles.registry import verify_files
    from screening.bundles.site import find_bundle
    from screening.settings import choose_runtime, load_settings

    settings = load_settings()
    bundle = find_bundle(settings, selector)
    verify_files(bundle)
    choose_runtime(settings.runtime)
    from screening.ensemble.ensemble import Ensemble

    Ensemble.load(bundle).verify_golden()
    print(f"{bundle.identity}: the files and the golden scores match the manifest")


@app.command()
def activate(selector: Selector, yes: Yes = False) -> None:
    """Make a bundle the active one.

    Workers switch to it at their next batch. Results that it computed earlier become current at
    once, and their reports are issued. The command asks before it activates an untrained
    bundle.

    Example: screening bundles activate covid19-cxr@3
    """
    from screening.bundles.registry import verify_files
    from screening.bundles.site import find_bundle
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.db import bundle_rows
    from screening.ops.change_over import plan_change_over

    with opened_database() as (settings, database):
        bundle = find_bundle(settings, selector)
        verify_files(bundle)
        known = bundle_rows.bundle_row(database, bundle.digest)
        if known is None or bundle_rows.active_bundle(database) != known:
            _ask_if_untrained(bundle, yes=yes)
        change = plan_change_over(database, known.id if known else None)
        activate_bundle(database, bundle, by=os_user())
        stand = _finish(settings, database)
    print(f"{bundle.identity} is active")
    if stand:
        print(
            f"{stand} of its earlier results, in {change.studies} studies, are current again, and "
            f"their reports are issued; images without a result of it: {change.without}"
        )


@app.command()
def rollback(yes: Yes = False, as_json: AsJson = False) -> None:
    """Go back to the previous bundle and its results.

    Nothing is scored again: the earlier results become current again, and every destination
    gets a report that says so. Repeat the command to go back further. If it is interrupted, the
    report workers finish it.

    Example: screening bundles rollback
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.cli.printing import print_json
    from screening.db import bundle_rows
    from screening.ops.change_over import plan_change_over

    with opened_database() as (settings, database):
        way = bundle_rows.way_back(database)
        bundle = _files_of(settings, way.before)
        change = plan_change_over(database, way.before.id)
        if as_json:
            print_json(
                {"active": way.active.digest, "back_to": way.before.digest, **change.as_dict()}
            )
        else:
            _print_change(way, change)
        if not yes:
            caution = "" if bundle.manifest.trained else f" It is {UNTRAINED}"
            typer.confirm(f"Go back to {bundle.identity}?{caution}", abort=True, err=as_json)
        bundle_rows.roll_back(database, way, by=os_user())
        stand = _finish(settings, database)
    if not as_json:
        print(f"{bundle.identity} is active; {stand} of its results are current again")


@app.command(name="make-untrained")
def make_untrained() -> None:
    """Make a bundle of random weights.

    It serves for demonstration and tests; its scores mean nothing.

    Example: screening bundles make-untrained
    """
    from screening.settings import choose_runtime, load_settings

    settings = load_settings()
    choose_runtime()
    from screening.ensemble.untrained import make_untrained_bundle

    bundle = make_untrained_bundle(settings.resolved_bundle_dir / UNTRAINED_FOLDER)
    print(f"{bundle.identity} in {bundle.directory}")


def activate_bundle(database: "Database", bundle: "Bundle", *, by: str) -> None:
    """Record a bundle on disk as the active one. by: who makes it so."""
    from screening.bundles.manifest import manifest_bytes
    from screening.db import bundle_rows

    on_disk = bundle_rows.BundleOnDisk(
        name=bundle.manifest.name,
        version=bundle.manifest.version,
        digest=bundle.digest,
        trained=bundle.manifest.trained,
        manifest=json.loads(manifest_bytes(bundle.manifest)),
    )
    bundle_rows.activate(database, on_disk, by=by)


def _ask_if_untrained(bundle: "Bundle", *, yes: bool) -> None:
    if not bundle.manifest.trained and not yes:
        typer.confirm(
            f"{bundle.identity} is {UNTRAINED} Activate it? (--yes skips this question)",
            abort=True,
            err=True,
        )


def _files_of(settings: "Settings", before: "ActiveBundle") -> "Bundle":
    """Return the bundle on disk, whole; raises BundleError where it is not there any more."""
    from screening.bundles.registry import verify_files
    from screening.bundles.site import site_bundles

    for bundle in site_bundles(settings):
        if bundle.digest == before.digest:
            verify_files(bundle)
            return bundle
    raise BundleError(
        f"expected the files of {before.name} {before.version} ({before.digest[:12]}), which was "
        f"active before, in {settings.resolved_bundle_dir}, found none; restore them, or choose "
        "another bundle with `screening bundles activate`"
    )


def _print_change(way: "WayBack", change: "ChangeOver") -> None:
    name = f"{way.before.name} {way.before.version}"
    print(
        f"active: {way.active.name} {way.active.version} ({way.active.digest[:12]})\n"
        f"before: {name} ({way.before.digest[:12]})\n"
        f"{change.results} images of {change.studies} studies have a result of {name}, which "
        f"becomes current again; {change.reports} reports are issued, one for each kind of SR\n"
        f"{change.without} images have none and keep their current result; `screening reprocess` "
        f"scores them, except for {change.removed} that retention removed"
    )


def _finish(settings: "Settings", database: "Database") -> int:
    """Make the active bundle's results current, and ring for their reports."""
    from screening.doorbell.app import make_celery_app
    from screening.doorbell.names import Queue
    from screening.doorbell.ring import ring_once
    from screening.ops.change_over import finish_change_over

    stand = finish_change_over(database)
    if stand:
        ring_once(make_celery_app(settings), Queue.REPORT)
    return stand
