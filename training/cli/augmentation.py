"""`screening train evaluate --bundle --test-time-augmentation`."""

# ruff: noqa: PLC0415  Keras is loaded only where a network scores

import json
from pathlib import Path

import typer


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
    from training.evaluation.measurements import AUGMENTATION_NAME, write_beside
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
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_beside(out, AUGMENTATION_NAME, content)
    if as_json:
        typer.echo(json.dumps(content, indent=2, allow_nan=False))
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
