"""`screening train pack`."""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def pack(
    *,
    data: Annotated[Path, typer.Option(metavar="MANIFEST", help="The data manifest.")],
    out: Annotated[Path, typer.Option(metavar="PACK", help="The pack's own folder.")],
    lung_field: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Run of the lung-field network.")
    ] = None,
    from_bundle: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Bundle whose lung-field network to use.")
    ] = None,
    side: Annotated[int, typer.Option(min=64, help="Of each crop, in pixels.")] = 224,
    most_megabytes: Annotated[
        float, typer.Option(min=1, help="All crops together, in 1,000,000 bytes.")
    ] = 60,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 2,
) -> None:
    """Pack the lung-field crops of a manifest.

    Train from the pack on this machine or another.

    Example: screening train pack --data manifest.csv --from-bundle bundles/chest-1 --out pack
    """
    import tempfile

    from training.cli.progress import ConsoleReport
    from training.data.manifest import read_manifest
    from training.inputs.make_crop_pack import PackRequest, make_pack
    from training.lung_field.of_bundle import lung_field_of

    if (lung_field is None) == (from_bundle is None):
        raise typer.BadParameter("expected one of --lung-field RUN and --from-bundle BUNDLE")
    rows = read_manifest(data)
    with ConsoleReport() as report, tempfile.TemporaryDirectory() as folder:
        run = lung_field or lung_field_of(from_bundle or Path(), Path(folder) / "lung-field")
        report.begin("cropping", len(rows))
        request = PackRequest(
            lung_field=run,
            out=out,
            side=side,
            most_bytes=int(most_megabytes * 1_000_000),
            workers=workers,
        )
        record = make_pack(rows, request, report.advance)
        report.say(
            f"{record.images} crops of {record.side} x {record.side} pixels, WebP quality "
            f"{record.quality}, in {out}; {record.whole} without a lung field, packed whole"
        )
