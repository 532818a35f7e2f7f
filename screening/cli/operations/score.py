"""`screening score`: score files with the ensemble, no database and no server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from screening.errors import BundleError

if TYPE_CHECKING:
    from screening.bundles.registry import Bundle
    from screening.ensemble.score_files import FileScore
    from screening.settings import Settings


def score(
    paths: Annotated[
        list[Path], typer.Argument(help="DICOM, PNG or JPEG files; folders at any depth.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(help="Name, name@version or digest; default: the best one installed."),
    ] = None,
    site_levels: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Bring the grey levels to those of the training first, by one curve of the "
            "first N files.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """Score chest radiographs in files.

    With --site-levels, all files must be of one hospital: its images get one grey-level curve, as
    `screening site calibrate --levels` gives it to those that a site receives.

    Example: screening score xrays/ --json
    """
    from screening.bundles.site import find_bundle
    from screening.cli.printing import json_line, print_table
    from screening.logs import configure_logs
    from screening.settings import choose_runtime, load_settings

    settings = load_settings()
    configure_logs("WARNING", station="score")
    chosen = find_bundle(settings, bundle) if bundle else best_bundle(settings)
    choose_runtime(settings.runtime)
    from screening.classify.batch import eligibility_rules
    from screening.ensemble.ensemble import Ensemble
    from screening.ensemble.score_files import curve_of_files, score_files
    from screening.storage_scu.objects import files_under

    ensemble = Ensemble.load(chosen)
    rules, curve = eligibility_rules(settings), None
    if site_levels:
        levels = training_levels_of(chosen)
        curve = curve_of_files(ensemble, files_under(paths), rules, levels, most=site_levels)
    results = score_files(ensemble, files_under(paths), rules, curve)
    if as_json:
        for result in results:
            print(json_line(result.as_dict()), flush=True)
    else:
        warning = "" if chosen.manifest.trained else ": UNTRAINED, scores mean nothing"
        columns = ("file", "priority", "COVID-19", "pneumonia", "normal", "why")
        print_table(f"{chosen.identity}{warning}", columns, map(_row, results))


def _row(result: "FileScore") -> tuple[object, ...]:
    from screening.cli.printing import percent

    ours = result.scores.ensemble if result.scores else None
    return (
        result.path,
        result.priority or result.state,
        percent(ours.covid19 if ours else None),
        percent(ours.pneumonia if ours else None),
        percent(ours.normal if ours else None),
        result.detail or result.reason,
    )


def training_levels_of(bundle: "Bundle") -> tuple[float, ...]:
    """Return the grey levels of a bundle's training; raise BundleError where nobody has them."""
    from screening.bundles.reference import read_training_levels

    levels = read_training_levels(bundle)
    if not levels:
        raise BundleError(
            f"expected the grey levels of the training of {bundle.identity} in reference.json "
            "beside its manifest, found none; have them measured with `screening train levels`"
        )
    return levels


def best_bundle(settings: "Settings") -> "Bundle":
    """Return the first trained bundle at hand, else the untrained one.

    Raises BundleError where there is none at all.
    """
    from screening.bundles.site import site_bundles

    bundles = site_bundles(settings)
    for bundle in bundles:
        if bundle.manifest.trained:
            return bundle
    if bundles:
        return bundles[0]
    raise BundleError(
        f"expected a bundle in {settings.resolved_bundle_dir}, found none; "
        "`screening bundles make-untrained` makes one for demonstration"
    )
