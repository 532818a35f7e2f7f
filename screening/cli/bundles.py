"""`screening bundles`: the ensembles at hand, and which one is active."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from screening.bundles.registry import Bundle
    from screening.db.session import Database


UNTRAINED_FOLDER = "untrained"

app = typer.Typer(no_args_is_help=True, help="Model bundles: list, show, verify, activate.")

Selector = Annotated[str, typer.Argument(help="Name, name@version, or start of the digest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_bundles(as_json: AsJson = False) -> None:
    """List the bundles at hand.

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
    """Check a bundle's files, load its networks and reproduce its golden scores.

    Example: screening bundles verify untrained
    """
    from screening.bundles.registry import verify_files
    from screening.bundles.site import find_bundle
    from screening.settings import load_settings, quiet_tensorflow

    bundle = find_bundle(load_settings(), selector)
    verify_files(bundle)
    quiet_tensorflow()
    from screening.classify.ensemble import Ensemble

    Ensemble.load(bundle).verify_golden()
    print(f"{bundle.identity}: files and golden scores are as its manifest says")


@app.command()
def activate(selector: Selector) -> None:
    """Make a bundle the active one; workers change to it at their next batch.

    Example: screening bundles activate untrained
    """
    from screening.bundles.registry import verify_files
    from screening.bundles.site import find_bundle
    from screening.cli.opened import opened_database

    with opened_database() as (settings, database):
        bundle = find_bundle(settings, selector)
        verify_files(bundle)
        activate_bundle(database, bundle)
    print(f"{bundle.identity} is active")


@app.command(name="make-untrained")
def make_untrained() -> None:
    """Make the untrained bundle, for demonstration until a trained one is there.

    Example: screening bundles make-untrained
    """
    from screening.settings import load_settings, quiet_tensorflow

    settings = load_settings()
    quiet_tensorflow()
    from screening.classify.untrained import make_untrained_bundle

    bundle = make_untrained_bundle(settings.resolved_bundle_dir / UNTRAINED_FOLDER)
    print(f"{bundle.identity} in {bundle.directory}")


def activate_bundle(database: "Database", bundle: "Bundle") -> None:
    """Record a bundle on disk as the active one."""
    from screening.bundles.manifest import manifest_bytes
    from screening.db import bundle_rows

    bundle_rows.activate(
        database,
        name=bundle.manifest.name,
        version=bundle.manifest.version,
        digest=bundle.digest,
        trained=bundle.manifest.trained,
        manifest=json.loads(manifest_bytes(bundle.manifest)),
    )
