"""`screening routes`: which result goes to which destination, and why."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from screening.errors import ScreeningError, SettingsError

if TYPE_CHECKING:
    from screening.db.session import Database
    from screening.delivery.routing import Chosen, ResultFacts
    from screening.report.routes import RoutedResult
    from screening.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Routes of results: list the rules, test them.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_rules(as_json: AsJson = False) -> None:
    """List the rules of the settings.

    It also names the destinations that no rule names: they get nothing new.

    Example: screening routes list
    """
    from screening.cli.printing import print_json, print_table
    from screening.delivery.routing import TITLES
    from screening.settings import load_settings

    settings = load_settings()
    if as_json:
        print_json([route.model_dump(exclude_none=True) for route in settings.routes])
        return
    if not settings.routes:
        print("no routes: every result goes to every destination")
        return
    print_table(
        "routes",
        ("rule", "to", "fits"),
        (
            (
                route.name,
                ", ".join(route.to),
                "; ".join(
                    [f"{TITLES[key]} {' or '.join(route.wanted[key])}" for key in route.wanted]
                    + (["no other rule fits"] if route.otherwise else [])
                )
                or "every result",
            )
            for route in settings.routes
        ),
    )
    named = {name for route in settings.routes for name in route.to}
    for one in settings.destinations:
        if one.name not in named:
            print(f"no rule names {one.name}: it gets nothing new, only what waits for it")


@app.command(name="test")
def try_rules(
    value: Annotated[
        str,
        typer.Argument(
            metavar="FILE|UID", help="A DICOM file, or the UID of a received study or image."
        ),
    ],
    calling_ae_title: Annotated[
        str | None, typer.Option(help="Suppose that this AE title sent it.")
    ] = None,
    priority: Annotated[str | None, typer.Option(help="Suppose this priority.")] = None,
    bundle: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="Suppose this bundle classified it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say where results go by the rules, and why.

    Of a received image, it takes what is known. Of a file that was not received, it says on what
    the answer depends. It sends nothing.

    Example: screening routes test image.dcm --calling-ae-title CR1 --priority STAT
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json

    supposed = _supposed(calling_ae_title=calling_ae_title, priority=priority, bundle=bundle)
    with opened_database() as (settings, database):
        results = _results(value, database)
    names = [one.name for one in settings.all_destinations]
    chosen = []
    for result in results:
        facts = _with(result.facts, supposed)
        chosen.append((result, facts, settings.routing.choose(facts, names, result.holders)))
    if as_json:
        print_json(
            [
                {"sop_instance_uid": one.sop_instance_uid, "result": f.as_dict(), **c.as_dict()}
                for one, f, c in chosen
            ]
        )
        return
    for result, facts, where in chosen:
        _print(result, facts, where, settings)


def _supposed(**given: str | None) -> dict[str, str]:
    from screening.domain.triage import Priority

    supposed = {name: value for name, value in given.items() if value is not None}
    words = [one.value for one in Priority]
    if supposed.get("priority", Priority.LOW) not in words:
        raise typer.BadParameter(
            f"expected {', '.join(words)}; found {supposed['priority']}", param_hint="--priority"
        )
    return supposed


def _with(facts: "ResultFacts", supposed: dict[str, str]) -> "ResultFacts":
    changes: dict[str, Any] = dict(supposed)
    if "bundle" in supposed and supposed["bundle"] != facts.bundle:
        changes["trained"] = changes["calibrated"] = None  # another bundle's
    return replace(facts, **changes)


def _results(value: str, database: "Database") -> "list[RoutedResult]":
    """Return the results that a UID names, or the one that a file will have."""
    from screening.domain.shown_values import is_uid
    from screening.report.routes import current_results

    path = Path(value)
    if path.is_file():
        return _of_file(path, database)
    if not is_uid(value):
        raise SettingsError(
            "routes test: expected a DICOM file or a Study or SOP Instance UID, found neither"
        )
    if found := current_results(database, value):
        return found
    raise ScreeningError(
        f"expected a study or image with a result, found none of UID {value}; "
        "`screening trace` shows what became of it"
    )


def _of_file(path: Path, database: "Database") -> "list[RoutedResult]":
    from screening.delivery.routing import ResultState, known_modality
    from screening.imaging.dicom.header import read_header
    from screening.report.routes import RoutedResult, active_bundle_facts, current_results

    header = read_header(path).instance
    if found := current_results(database, header.sop_instance_uid):
        return found
    facts = replace(
        active_bundle_facts(database),
        modality=known_modality(header.modality),
        state=ResultState.FIRST,
    )
    return [RoutedResult(header.sop_instance_uid, facts, frozenset())]


def _print(
    result: "RoutedResult", facts: "ResultFacts", chosen: "Chosen", settings: "Settings"
) -> None:
    from screening.cli.printing import print_table
    from screening.delivery.routing import NONE_FITS, TITLES

    known = (f"{TITLES[k]} {v or '(absent)'}" for k, v in facts.as_dict().items() if v is not None)
    print(f"image {result.sop_instance_uid}: {', '.join(known) or 'nothing is known of it'}")
    rows = []
    for one in settings.all_destinations:
        if why := chosen.reasons.get(one.name):
            rows.append((one.name, "yes", why))
        elif why := chosen.possible.get(one.name):
            rows.append((one.name, "depends", why))
        else:
            rows.append((one.name, "no", NONE_FITS))
    print_table("destinations", ("destination", "gets it", "why"), rows)
    if chosen.verdicts:
        print_table(
            "rules",
            ("rule", "fits", "why", "to"),
            ((one.route, one.fit, one.why, ", ".join(one.to)) for one in chosen.verdicts),
        )
