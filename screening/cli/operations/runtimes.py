"""`screening bundles compare-runtime`: whether workers may use another runtime."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from screening.errors import ScreeningError, SettingsError

if TYPE_CHECKING:
    from screening.settings import Settings

PHANTOM_SIDES_PIXELS = (480, 512, 640)


def compare_runtime(
    selector: Annotated[
        str, typer.Argument(help="Name, name@version, or the first digits of the digest.")
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(help="DICOM, PNG or JPEG files or folders; default: phantoms."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many phantoms to draw.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the chosen runtime's scores with TensorFlow's.

    Classify workers use a runtime other than TensorFlow only after this command found the same
    decisions on 500 images or more on the same kind of machine. Name a folder with the site's own
    radiographs if you can.

    Example: SCREENING_RUNTIME=openvino screening bundles compare-runtime covid19-cxr --images xrays
    """
    from dataclasses import asdict

    from screening.bundles.site import find_bundle
    from screening.ensemble.runtime_comparison import REFERENCE, compare, keep
    from screening.settings import load_settings

    settings = load_settings()
    if settings.runtime == REFERENCE:
        raise SettingsError(
            "expected SCREENING_RUNTIME to name another runtime than tensorflow, which is what "
            "others are compared with; set it to openvino"
        )
    bundle = find_bundle(settings, selector)
    with _files(images, count) as paths:
        scores = {
            runtime: _scores(settings, runtime, bundle.digest, paths, quiet=as_json)
            for runtime in (REFERENCE, settings.runtime)
        }
    found = compare(bundle, settings.runtime, scores[REFERENCE], scores[settings.runtime])
    path = keep(found, settings.data_dir)
    problem = found.problem()
    if as_json:
        print(json.dumps({**asdict(found), "problem": problem}))
    else:
        print(
            f"{bundle.identity}, {settings.runtime}: {found.images} images, {found.scored} scored, "
            f"probabilities within {found.furthest:.2g}, other decisions: "
            f"{len(found.other_decisions)}\nkept in {path}"
        )
    if problem is not None:
        raise ScreeningError(f"workers will not use {settings.runtime}: {problem}")


@contextmanager
def _files(images: list[Path] | None, count: int) -> Iterator[list[Path]]:
    """Yield the files and folders to score: those named, or a folder of phantoms."""
    if images:
        yield images
        return
    from PIL import Image

    from screening.imaging.phantoms.phantom_image import phantom_image

    with tempfile.TemporaryDirectory(prefix="screening-phantoms-") as folder:
        for seed in range(count):
            side = PHANTOM_SIDES_PIXELS[seed % len(PHANTOM_SIDES_PIXELS)]
            picture = Image.fromarray(phantom_image(seed, side, side))
            picture.save(Path(folder) / f"phantom-{seed:04}.png", compress_level=1)
        yield [Path(folder)]


def _scores(
    settings: "Settings", runtime: str, digest: str, paths: list[Path], *, quiet: bool
) -> list[dict[str, Any]]:
    """Score files in a process of its own, since one process has one runtime."""
    from screening.settings import child_environment

    if not quiet:
        print(f"scoring on {runtime} ...", flush=True)
    command = [sys.executable, "-m", "screening", "score", "--json", "--bundle", digest]
    environment = child_environment(settings, SCREENING_RUNTIME=runtime)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines:
        ended = subprocess.run(
            [*command, *map(str, paths)], env=environment, stdout=lines, check=False
        )
        if ended.returncode:
            raise ScreeningError(
                f"expected scores on {runtime}, but `screening score` ended with status "
                f"{ended.returncode}; what it says is above"
            )
        lines.seek(0)
        return [json.loads(line) for line in lines]
