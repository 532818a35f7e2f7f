"""A bundle's lung-field network as a run, for training to start from."""

import json
from dataclasses import asdict
from pathlib import Path

from screening.bundles.registry import load_bundle, verify_files
from screening.ensemble.input_views import load_lung_field
from training.errors import TrainingError
from training.networks.lung_field import RECORD, WEIGHTS
from training.runs.checkpoint import save_network


def lung_field_of(bundle: Path, run: Path) -> Path:
    """Write a bundle's lung-field network as a run; return it.

    Raises TrainingError where the bundle has none, BundleError where its files were changed.
    """
    found = load_bundle(bundle)
    section = found.manifest.lung_field
    if section is None:
        raise TrainingError(
            f"expected a lung-field network in bundle {found.identity}, found none; name a run "
            "with --lung-field"
        )
    verify_files(found)
    model = load_lung_field(section, found.directory)
    run.mkdir(parents=True, exist_ok=True)
    record = {"spec": asdict(section.spec), "from": found.identity}
    (run / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    save_network(run / WEIGHTS, model)
    return run
