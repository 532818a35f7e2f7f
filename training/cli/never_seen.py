"""`screening train evaluate --bundle` at hospitals never seen: views, and a curve of their own."""

# ruff: noqa: PLC0415  Keras is loaded only where a network scores

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from training.errors import TrainingError


def tell_augmentation_cost(
    directory: Path, data: Path, *, most: int | None, out: Path | None, as_json: bool
) -> None:
    """Print what each view brings at hospitals that a bundle never saw, and what it costs.

    most: images of each hospital and label. out: a folder that the table is written to, too.
    Raises TrainingError where the manifest has no such hospital.
    """
    from screening.bundles.registry import load_bundle
    from training.console import print_table
    from training.data.manifest import read_manifest
    from training.evaluation.files import in_percent, print_lines
    from training.evaluation.measurements import AUGMENTATION_NAME
    from training.left_out.augmentation_cost import (
        augmentation_json,
        augmentation_rows,
        score_views,
        unseen_rows,
    )
    from training.left_out.figures import AREAS

    bundle = load_bundle(directory)
    rows = unseen_rows(bundle, read_manifest(data), most)
    found = augmentation_rows(bundle, rows, score_views(bundle, rows))
    content = {"bundle": bundle.identity, **augmentation_json(found, len(rows))}
    if _told_as_json(content, AUGMENTATION_NAME, out, as_json=as_json):
        return
    print_table(
        f"views of {len(rows)} images of hospitals never seen; percent (95 % interval), and gain "
        "over the image as it is",
        ("who", "views", "CPU ms an image", *(figure.value for figure in AREAS)),
        [
            (
                row.who,
                "; ".join(" + ".join(views) for views in row.views),
                f"{1000 * row.cpu_s:.0f}",
                *(
                    f"{in_percent(row.areas[figure])}, {in_percent(row.gains[figure], sign=True)}"
                    for figure in AREAS
                ),
            )
            for row in found
        ],
    )
    print_lines(
        "Mean over the hospitals with enough images of both classes, their own or lent by the "
        "others. Gains are of the same images. Milliseconds are processor time of the networks "
        "alone, on this machine."
    )


def tell_site_levels(
    directory: Path, data: Path, *, images: int, most: int | None, out: Path | None, as_json: bool
) -> None:
    """Print what a curve of its own brings each hospital that a bundle never saw, and keep it.

    images: that a curve is drawn from. most: images of each hospital and label that are scored.
    out: a folder that the table is written to, besides the bundle's.
    Raises TrainingError where the manifest has no such hospital, or the bundle does not tell its
    training's levels.
    """
    from screening.bundles.reference import read_training_levels
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.console import print_table
    from training.data.manifest import read_manifest
    from training.evaluation.files import in_percent, print_lines
    from training.evaluation.measurements import SITE_LEVELS_NAME, write_beside
    from training.left_out.augmentation_cost import unseen_rows
    from training.left_out.figures import Figure
    from training.left_out.site_levels import HOW, measure_site_levels, site_levels_json

    bundle = load_bundle(directory)
    levels = read_training_levels(bundle)
    if not levels:
        raise TrainingError(
            f"expected the grey levels of the training of {bundle.identity} beside its manifest, "
            "found none; measure them first with `screening train levels`"
        )
    rows = unseen_rows(bundle, read_manifest(data), most)
    found = measure_site_levels(Ensemble.load(bundle), rows, levels, most=images)
    content = {"bundle": bundle.identity, **site_levels_json(found)}
    write_beside(directory, SITE_LEVELS_NAME, content)
    if _told_as_json(content, SITE_LEVELS_NAME, out, as_json=as_json):
        return
    print_table(
        f"{len(rows)} images of hospitals never seen; percent (95 % interval)",
        ("hospital", "images of its curve", "figure", "as rendered", "with its curve"),
        [
            (
                before.hospital,
                found.images[before.hospital],
                figure.value,
                in_percent(before.told[figure].estimate),
                in_percent(after.told[figure].estimate),
            )
            for before, after in zip(
                found.as_rendered.hospitals, found.with_curve.hospitals, strict=True
            )
            for figure in Figure
            if figure in before.told
        ]
        + [
            (
                "mean",
                "",
                figure.value,
                in_percent(found.as_rendered.means[figure]),
                in_percent(found.with_curve.means[figure]),
            )
            for figure in Figure
        ],
    )
    print_lines(HOW)


def _told_as_json(
    content: Mapping[str, Any], name: str, out: Path | None, *, as_json: bool
) -> bool:
    """Write what was measured to a folder, if one is named; print it and return True if asked."""
    from training.evaluation.measurements import write_beside

    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_beside(out, name, content)
    if as_json:
        typer.echo(json.dumps(content, indent=2, allow_nan=False))
    return as_json
