"""The network a fold starts from: fresh, on ImageNet weights, another run's, or a bundle's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from screening.bundles.registry import Bundle, verify_files
from screening.networks.architectures import Architecture
from screening.networks.weights import load_weights
from training.errors import TrainingError
from training.networks.backbone_weights import WeightAccount, fresh_layers, load_backbone_weights
from training.networks.freezing import with_new_head
from training.networks.precision import with_precision
from training.protocols.protocol import Protocol
from training.runs.folder import WEIGHTS, finished_folds, fold_directory, read_run
from training.runs.request import Precision


@dataclass(frozen=True, slots=True)
class StartNetwork:
    """A network before its first step.

    fresh_layers: layers of the backbone whose weights are random, at least in part. accounts: of
    the files it took.
    """

    model: keras.Model
    fresh_layers: tuple[str, ...]
    accounts: tuple[WeightAccount, ...] = ()


def fresh_network(
    protocol: Protocol,
    architectures: Mapping[str, Architecture],
    precision: Precision,
    backbone_weights: Sequence[Path] = (),
) -> StartNetwork:
    """Build a protocol's network and put the named weight files into its backbone.

    Raises TrainingError where a file cannot be read or does not fit at all.
    """
    build = architectures[protocol.architecture].build
    model = build((protocol.height, protocol.width, 3), protocol.outputs)
    model = with_precision(model, precision)
    accounts = tuple(load_backbone_weights(model, path) for path in backbone_weights)
    return StartNetwork(model, fresh_layers(model, accounts), accounts)


def released_weights(protocol: Protocol, bundle: Bundle) -> tuple[Path, ...]:
    """Return the weight files of a bundle's member of the protocol's architecture and classes.

    Raises TrainingError where the bundle has none, BundleError where a file was changed.
    """
    wanted = (protocol.architecture, protocol.classes, (protocol.height, protocol.width))
    found = {
        (each.architecture, each.classes, (each.input.height, each.input.width)): each
        for each in bundle.manifest.members
    }
    if wanted not in found:
        raise TrainingError(
            f"expected in bundle {bundle.identity} a member {_in_words(wanted)} for "
            f"{protocol.name}, found {'; '.join(map(_in_words, found))}; name another bundle"
        )
    verify_files(bundle)
    return tuple(bundle.directory / file.file for file in found[wanted].weights)


def released_network(
    protocol: Protocol,
    architectures: Mapping[str, Architecture],
    precision: Precision,
    weights: Sequence[Path],
) -> StartNetwork:
    """Return a bundle's member with its last layer; weights: from `released_weights`."""
    build = architectures[protocol.architecture].build
    model = build((protocol.height, protocol.width, 3), protocol.outputs)
    load_weights(model, weights)
    return StartNetwork(with_precision(model, precision), ())


def _in_words(member: tuple[str, Sequence[str], tuple[int, int]]) -> str:
    architecture, classes, (height, width) = member
    return f"{architecture} {height} x {width} of {', '.join(classes)}"


def load_network(run: Path, fold: int, architectures: Mapping[str, Architecture]) -> keras.Model:
    """Return the trained network of one fold, in float32.

    Raises TrainingError where the run has not finished that fold, BundleError where the weights do
    not fit.
    """
    record = read_run(run)
    if fold not in finished_folds(run):
        raise TrainingError(
            f"expected the weights of fold {fold} in {run}, found those of folds "
            f"{list(finished_folds(run))}; train the fold first"
        )
    outputs = record.outputs
    model = architectures[record.architecture].build((record.height, record.width, 3), outputs)
    load_weights(model, [fold_directory(run, fold) / WEIGHTS])
    return model


def fine_tuned_network(
    protocol: Protocol,
    architectures: Mapping[str, Architecture],
    precision: Precision,
    run: Path,
    fold: int,
) -> StartNetwork:
    """Return the network of the same fold of another run, with a fresh last layer."""
    model = with_new_head(load_network(run, fold, architectures), protocol.outputs)
    return StartNetwork(with_precision(model, precision), ())
