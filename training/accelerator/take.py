"""Brings back what `python -m training.accelerator` left, as runs that every command accepts."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

from screening.networks.architectures import Architecture
from screening.networks.weights import load_weights
from training.accelerator.carried import RUNS, read_weights
from training.errors import TrainingError
from training.inputs.crop_pack import LUNG_FIELD, read_record
from training.inputs.input_view import keep_lung_field
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.runs.checkpoint import save_network
from training.runs.folder import WEIGHTS, fold_directory, read_run


def take_runs(
    brought: Path,
    pack: Path,
    out: Path,
    architectures: Mapping[str, Architecture] = TRAINING_ARCHITECTURES,
) -> dict[str, bool]:
    """Unpack runs into a folder; return whether the weights of each are among what came back.

    brought: the folder that the machine wrote. pack: that it trained on. A run without weights has
    its scores, for `screening train evaluate --leave-out-hospital`.
    Raises TrainingError where the archive is damaged, a run is there already, or it was trained on
    another pack; BundleError where weights do not fit.
    """
    names = _extracted(brought, out)
    packed = read_record(pack)
    found = {}
    for name in names:
        run = out / name
        record = read_run(run)
        if (record.lung_field, record.data_digest) != (packed.lung_field, packed.data_digest):
            raise TrainingError(
                f"expected runs on the pack {pack}, found {name} trained on another; name the "
                "pack that the machine had"
            )
        keep_lung_field(pack / LUNG_FIELD, run)
        shards = read_weights(brought, name)
        if shards:
            build = architectures[record.architecture].build
            model = build((record.height, record.width, 3), record.outputs)
            load_weights(model, shards)
            save_network(fold_directory(run, 1) / WEIGHTS, model)
        found[name] = bool(shards)
    return found


def _extracted(brought: Path, out: Path) -> list[str]:
    try:
        with tarfile.open(brought / RUNS) as archive:
            names = sorted({Path(each.name).parts[0] for each in archive.getmembers()})
            there = [name for name in names if (out / name).exists()]
            if there:
                raise TrainingError(
                    f"{out / there[0]} exists already; remove it, or name another --out"
                )
            out.mkdir(parents=True, exist_ok=True)
            archive.extractall(out, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise TrainingError(
            f"expected runs in {brought / RUNS}, cannot read them ({error}); name the folder that "
            "the machine wrote"
        ) from error
    return names
